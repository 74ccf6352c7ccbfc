// Package personaldata finds personal data in texts and in the messages of voice providers, and replaces it before they are
// stored.
//
// # Decisions
//
// Found are payment card numbers, national identification numbers, IBANs, e-mail addresses and telephone numbers, as they are
// written and as they are spoken digit by digit, and what a field of a message says to be personal: a customer's name and
// number, an address, a recording. Names and addresses within a text are not found. shared/docs/security.md lists what is
// promised.
//
// In doubt a text loses more than it has to. A number of 7 to 12 digits in a text counts as a telephone number, unless the
// words around it say that it is something else: most telephone numbers and national identification numbers have the same forms. Longer numbers have to pass a check digit, so that the ids and times in a text stay.
//
// Every text is read once, byte by byte, and each possible match has a bounded length: the time grows with the size of the
// message and not faster. Regular expressions were not used. They would need one pass for each kind, and a number that is
// spread over several messages is not one text.
//
// A text is first folded to ASCII: digits of all scripts, spaces and dashes of all kinds, accents and full-width letters. The
// matches are found in the folded text and replaced in the text itself.
//
// Libraries for this task (presidio, scrubadub) are written in Python and find names with language models. The Go ones that
// were found are lists of regular expressions without check digits.
package personaldata
