"""One run of the kit, told in several ways: terminal, HTML page, picture, JSON, JUnit, Markdown, badges."""
