// Package report counts, tells and mails what happened with an assistant's calls.
//
// # Decisions
//
// A page is one file that loads nothing and runs nothing: it can be kept, printed, sent on and opened in ten years. Its
// own Content-Security-Policy says the same once more, should a template ever be wrong. Bars are SVG inside the page and
// heat is a class, .h0 to .h8, because html/template can escape numbers in attributes and never has to trust a style.
//
// Everything that callers, providers and models wrote is hostile. It is tidied (control characters, bidirectional
// overrides, towers of combining marks, length) before html/template escapes it, isolated by <bdi> or dir="auto", and
// its links are https alone; only PUBLIC_URL's own origin may do without. No template.HTML, CSS, URL or JS type occurs.
//
// A change to the period before is neutral unless nobody would argue: more failed calls is worse, fewer is better.
// More calls, minutes, voicemails or cost may be either. Where the period before had no calls there is no percentage at
// all, rather than an infinite one.
//
// The heat map is in the page twice, with hours across for wide windows and hours down for narrow ones; the style
// sheet shows one. A single table would have to scroll sideways on a phone, where nobody finds what is hidden.
//
// The mail is drawn with tables, bgcolor and inline styles, since that is what all mail clients have in common. Where it
// would pass 100 KB, which some clients cut, it is made again with less until it does not: the figures never go, long
// texts and links do. Numbers of callers are masked in it, because mail is forwarded; the page behind the signed link has
// them whole.
//
// report.csv is written by hand and not by encoding/csv, for speed, and because a spreadsheet's dangers are no concern
// of encoding/csv: a cell that begins like a formula gets an apostrophe, and so does what would begin one where the
// spreadsheet's separator is a semicolon. Line breaks within a cell become spaces for the same reason.
package report
