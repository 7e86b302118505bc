"""The mouth: says what the ledger decided, to the right person, once, and reports what became of it.

Importing this package loads neither Apprise nor a template: ``notifier.gateway`` does when it opens a
channel.
"""
