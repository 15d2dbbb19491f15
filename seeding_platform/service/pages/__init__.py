"""Pages for people: server-rendered, without a style attribute or a request to the outside."""
