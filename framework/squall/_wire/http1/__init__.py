"""HTTP/1.1 on the wire (RFC 9112), both roles: ``connection.Connection`` is the door."""
