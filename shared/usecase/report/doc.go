// Package report makes the weekly and monthly reports about an assistant's calls: it counts, renders, stores and mails them.
//
// # Decisions
//
// One pass over the rows counts three windows: the reported one, the previous one for comparison, and the one before that.
// Of the last one only the callers are kept, because the previous window's "returning" needs them. Eight days are read at the
// same time and counted in their order. So report.csv is written during the pass, in the order of time, and is never in
// memory as a whole. Memory grows only with the number of different callers: eight bytes each, in a map. Money is summed in
// millionths and time in thousandths, as whole numbers, so that the order of the rows changes no figure.
//
// A call is counted in the window in which it ended. Its row is filed by that time, and so the days add up to the total. If
// the end is unknown, the start counts, else the time of the end-of-call report.
//
// report.json is written last: where it exists, the report is complete. A report that is made again replaces its objects one
// by one. A reader in between may see the new page beside the old figures; they differ only in calls that were reported late.
//
// Transcripts are pages of their own beside the report, and exist only for the calls that deserve attention. A link to the
// stored end-of-call report would show the provider's JSON. Without PUBLIC_URL no link would work, so no page is written.
//
// The model writes the narrative, and the code checks its numbers. A sentence is dropped if it has a number that is not among
// the figures, their differences and their changes in percent, or a number that cannot be checked: half, twice, dozens.
// Number words are known in English only; the prompt asks for digits. A note says how many sentences were dropped; sentences
// are never corrected. An assistant's own models write its narratives, since its owner chose where its data may go.
//
// Each mail goes to one recipient, so that sending, failing and trying again concern one recipient each.
//
// What would change these decisions: more than a few million calls a month for one assistant. Then each day would be counted
// once, after its end, and reports would be put together from days.
//
// A page is one file that loads nothing and runs nothing. It can be stored, printed and forwarded, and opens the same in ten
// years. Its Content-Security-Policy says the same, in case a template is wrong. Bars are SVG in the page and heat levels are
// classes, .h0 to .h8: html/template escapes numbers in attributes, and no style has to be trusted.
//
// All texts of callers, providers and models are hostile. They are cleaned (control characters, bidirectional overrides,
// stacks of combining marks, length) before html/template escapes them, and isolated by <bdi> or dir="auto". Their links must
// be https; only links to the host of PUBLIC_URL may be http. The types template.HTML, CSS, URL and JS are not used.
//
// Changes to the previous period are neutral, except failed calls: more is worse, fewer is better. More calls, minutes,
// voicemails or cost may be either. If the previous period had no calls, no percentage is shown.
//
// The page has the heat map twice: with hours across for wide windows and with hours down for narrow ones. The style sheet
// shows one of them. A single table would have to scroll sideways on a phone.
//
// The mail uses tables, bgcolor and inline styles, which all mail clients understand. Some clients cut a mail at 100 KB. A
// larger one is rendered again with shorter texts, fewer entries and shorter links, but always with all figures. It masks
// callers' numbers, because mails are forwarded; the page behind the signed link shows them.
//
// report.csv has a writer of its own. encoding/csv was measured under the same guard against formulas: the report of a
// million calls took 13 % more processor time (3.2 s against 2.8 s), and it saves 25 lines, since the guard stays. It also
// leaves out the quotes around a cell with a semicolon. The guard is what the file needs: a cell that begins like a formula
// gets an apostrophe, and so does a part that would begin one where the spreadsheet's separator is a semicolon. Line breaks
// within a cell become spaces for the same reason.
package report
