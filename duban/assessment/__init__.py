"""The assessment engine: rule sheets as data, facts in, lines out. Pure."""
