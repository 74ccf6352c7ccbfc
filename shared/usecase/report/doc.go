// Package report counts, tells and mails what happened with an assistant's calls.
//
// # Decisions
//
// One walk over the rows counts three windows: the one reported, the one before, whose figures stand beside it, and the
// one before that, of which only the callers are kept: "returning" needs them for the window before. Eight days are read
// at once and counted in their order, so that report.csv is written on the way, in order of time, without ever being
// whole in memory. What grows with the number of calls is the set of their callers' numbers, eight bytes each and the
// map's share. Money is summed in millionths and time in thousandths, as whole numbers: the order of the rows changes
// no figure.
//
// A call belongs where it ended. That is what its row is filed by, and then the days sum to the total. A call of which
// nobody knows when it ended, as the API document's reports say none, counts by its start, else by its report.
//
// report.json is written last: where it is, the report is whole. A report made again replaces itself object by object;
// a reader in between may see the page of one beside the figures of the other, which differ only in late calls.
//
// Transcripts are pages of their own beside the report, made for the calls that deserve attention and for no others:
// a link to the raw report would hand its reader the provider's JSON. Without PUBLIC_URL nobody could follow a link to
// one, so none is made.
//
// The narrative is the model's, its numbers are ours. A sentence with a number that is not among the figures, their
// differences and their changes in percent is dropped, and so is one with a number that cannot be checked: half, twice,
// dozens. Words for numbers are known in English alone; the model is asked for digits. What is dropped is noted, never
// mended. An assistant's own models tell its reports: its owner chose where words go.
//
// Mails go to one recipient each: what is remembered, refused and tried again is one recipient's mail.
//
// What would change our mind: more than a few million calls a month for one assistant. Then days are counted once, when
// they are over, and reports are put together from days.
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
// report.csv has a writer of its own. encoding/csv was measured under the same guard against formulas: the report of a
// million calls took 13 % more processor time (3.2 s against 2.8 s), and it saves 25 lines, since the guard stays. It also
// leaves out the quotes around a cell with a semicolon. The guard is what the file needs: a cell that begins like a formula
// gets an apostrophe, and so does a part that would begin one where the spreadsheet's separator is a semicolon. Line breaks
// within a cell become spaces for the same reason.
package report
