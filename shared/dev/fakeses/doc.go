// Package fakeses is a fake of SES version 2: it accepts mails, stores them in memory and shows them on a page.
//
// # Decisions
//
// It speaks SendEmail of the REST protocol (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html),
// raw and simple; the page, a list as JSON and one mail as it was sent are at the same address.
//
// A mail is untrusted HTML. The page shows it in a sandboxed frame without scripts and requests, and its escaped source
// beside it.
//
// The newest thousand mails are in memory.
package fakeses
