RuleSet: Published
* ^experimental = false
* ^publisher = "Baton"
* ^copyright = "Apache-2.0, Baton"

RuleSet: Codes
* insert Published
* ^caseSensitive = true
* ^content = #complete
