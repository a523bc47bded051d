"""How claims are checked: engines, certificates, the store of results and the command."""
