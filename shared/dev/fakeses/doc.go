// Package fakeses stands in for the mail service: it takes what SES version 2 would send, keeps it, and shows it on a page.
//
// # Decisions
//
// It speaks SendEmail of the REST protocol (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html),
// raw and simple; the page, a list as JSON and one mail as it was sent are at the same address.
//
// A mail is somebody else's HTML. It is shown in a sandboxed frame that runs no script and fetches nothing, and its
// source beside it, escaped.
//
// The mails are in memory, the newest thousand: they are looked at while the stack runs.
package fakeses
