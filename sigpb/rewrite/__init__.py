"""The only code that changes protos: a draft of the wanted signatures, and how it is written."""
