"""The kinds of messages, a module and a pair of templates each."""
