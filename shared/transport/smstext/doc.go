// Package smstext turns a model's Markdown into one plain text message of limited length.
//
// # Decisions
//
// A cut inside a sentence ends in three dots and not in "…". GSM 03.38 has no "…", so one would turn the whole message
// into UCS-2, and a segment would hold 70 characters instead of 160.
//
// github.com/rivo/uniseg finds the boundaries of grapheme clusters (https://unicode.org/reports/tr29/), so that no cut
// separates a letter from its accent or splits a family emoji.
package smstext
