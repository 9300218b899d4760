"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dialog = document.getElementById("said");
  document.documentElement.classList.add("js");

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const labelled = (label, text) => {
    const paragraph = make("p");
    paragraph.append(make("span", label + " ", "soft"), text);
    return paragraph;
  };

  const command = (text) => {
    const box = make("pre", text, "command");
    const copy = make("button", "copy", "plain");
    copy.onclick = () => navigator.clipboard?.writeText(text).then(() => { copy.textContent = "copied"; });
    const row = make("div");
    row.append(box, copy);
    return row;
  };

  const sources = (urls) => {
    const list = make("ul", "", "sources");
    for (const url of urls) {
      const item = make("li");
      if (/^https?:\/\//.test(url)) {
        const link = make("a", url);
        link.href = url;
        link.rel = "noreferrer";
        item.append(link);
      } else item.append(url);
      list.append(item);
    }
    return list;
  };

  const result = (found) => {
    const part = make("section");
    const head = make("h4", found.clause);
    head.append(make("b", found.outcome, found.kind));
    part.append(head);
    const runs = found.runs > 1 ? `, ${found.bad} of ${found.runs} runs bad` : "";
    part.append(make("p", `${found.ms.toFixed(1)} ms${runs}`, "soft"));
    if (found.message) part.append(make("p", found.message));
    if (found.deviation) part.append(labelled("Known deviation:", found.deviation));
    for (const [kind, count] of Object.entries(found.leaks)) part.append(labelled("Left behind:", `${count} ${kind}`));
    if (found.detail) part.append(make("pre", found.detail));
    part.append(command(found.repro));
    return part;
  };

  const show = (ruleId, column) => {
    const rule = data.rules[ruleId];
    const target = data.targets[column];
    const close = make("button", "×", "plain close");
    close.setAttribute("aria-label", "close");
    close.onclick = () => dialog.close();
    dialog.replaceChildren(close, make("h3", `${ruleId} on ${target}`), make("p", `${rule.level} ${rule.sentence}`.trim()));
    if (rule.intent) dialog.append(labelled("Why:", rule.intent), labelled("Who breaks:", rule.consequence), sources(rule.sources));
    for (const found of data.cells[ruleId][column]) dialog.append(result(found));
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  document.getElementById("matrix").addEventListener("click", (event) => {
    const cell = event.target.closest("button.cell");
    if (cell) show(cell.closest("tr").dataset.rule, Number(cell.dataset.column));
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  const search = document.getElementById("search");
  const only = document.getElementById("only");
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const body of document.querySelectorAll("#matrix tbody")) {
      let shown = 0;
      for (const row of body.querySelectorAll("tr[data-rule]")) {
        const hit = (!only.checked || row.dataset.found === "1") && row.textContent.toLowerCase().includes(wanted);
        row.classList.toggle("hidden", !hit);
        shown += hit;
      }
      body.querySelector("tr.area").classList.toggle("hidden", !shown);
    }
  };
  search.addEventListener("input", filter);
  only.addEventListener("change", filter);
})();
