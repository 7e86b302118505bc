"""Our own Apprise plugins, each under a schema of its own so that no stock plugin is taken by mistake."""
