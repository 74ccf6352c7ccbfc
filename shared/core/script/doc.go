// Package script holds what is said on a phone call without a model: the greeting, the notice of a recording, and the sentences
// for when something fails. It also fills in the templates of assistants, which are the greeting and the prompt.
//
// # Decisions
//
// A greeting is part of TwiML, which has 4,000 characters where a call is placed, and a caller listens to it without a pause. So
// it has at most 1,000 characters, and at most 2,000 as escaped XML. A longer one is cut after its last whole sentence. The part
// that is cut is not spoken later: the conversation begins with the caller's answer.
//
// The sentences are in the languages of ConversationRelay that are most common. An assistant of another language speaks
// English here; its own words (greeting, recording notice) are as they are configured.
package script
