// Package contact decides whether a person may be contacted, and counts it: by call, text message or e-mail.
//
// # Decisions
//
// Calls and messages have one guard. Package outbound applies it to calls, and adds what only calls have: consent, calling
// hours, and the limits of an API key. Assistants' tools send messages through SendText and SendMail. A new channel that
// sends texts passes its own send function to SendText, so that it cannot leave out a check.
//
// A check needs no phone tables (see package numberplan), so that it runs in the functions on the way to the first word of a
// call, and the model learns in the same turn why a message was not sent. A queue to a function that links the tables would
// be as strict, but its rejection would come after the assistant has said that the message was sent.
//
// Every step before a message fails closed. Limits are fixed windows of a minute or a UTC day, one item each, which is
// written on a condition: turns at the same time cannot exceed a limit together. When in doubt they allow too few messages:
// a return is tried once, and what a crashed process took stays taken. The result of a message is remembered by package
// idempotency, outside the guard, so that a repeated turn neither sends nor counts it again. A rejection is not remembered.
//
// Text messages and calls share the day's spend. Twilio names no price when it accepts a message, so an estimate is reserved
// for each part. A part costs about 0.01 US dollars in the USA with the carriers' fee, and up to 0.10 in most of Europe
// (https://www.twilio.com/en-us/sms/pricing), so the default of 0.05 is more than enough for one and about right for the
// other. The limit per minute stops a model that sends many messages in one turn. It counts each assistant's messages to a
// number, so that the flood of one assistant does not stop the messages of another.
//
// Consent and calling hours do not apply to the text messages of assistants. Such a message goes only to the person who is
// in the conversation at that moment, and contains what that person asked for. In the USA one text that answers a request
// at once needs no earlier written consent (FCC 15-72, paragraphs 103 to 106:
// https://docs.fcc.gov/public/attachments/FCC-15-72A1.pdf), and a person on the telephone is awake. The do-not-call
// list does apply: a STOP is stronger than a request that only the model has understood. A message that no person asked for
// would need both rules, and no part of the product sends one.
//
// E-mails of assistants go to addresses that the assistant's configuration names, which belong to its own team. So they have
// limits, for each assistant and for each address, and no other rule. Mails with reports are sent once for each period, and
// do not pass here.
//
// The numbers of all assistants are our own numbers: the assistant that contacts one could also answer it. The table has an
// index of assistantPhoneNumber, in E.164, so that number is found for every assistant. The other numbers of an assistant, and
// a number that is stored as a national one, are found only when that assistant itself contacts them.
//
// Text messages to fixed lines are allowed, as calls are: many fixed lines in the USA receive them, and Twilio rejects those
// that cannot. Premium, shared-cost, toll-free, VoIP, satellite, pager and service numbers are blocked: they do not belong to a person.
// Short codes are not in E.164, so no text is sent to one.
//
// # High-risk destinations
//
// countries.txt is our own list, made in November 2026. Twilio publishes none for use elsewhere
// (https://www.twilio.com/docs/voice/api/dialing-permissions-resources). The first part of the list begins with the
// destinations that the FCC names in its advice on one-ring calls (the area codes 284, 649, 809 and 876, and in May 2019
// the country codes 222 and 232: https://www.fcc.gov) and with usual examples of the industry (Cuba, Somalia, Jamaica).
// The rest is our judgement of where fraud with rented number ranges pays. The list is a second check behind Twilio's
// dialing permissions, and it is coarse: an operator who calls or texts such a country names it in ALLOWED_COUNTRIES. A
// maintained list of number ranges would be better, and would change our mind.
package contact
