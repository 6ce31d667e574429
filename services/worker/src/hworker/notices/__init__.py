"""Who is told what about an annotation, a module a kind; nothing here sends."""
