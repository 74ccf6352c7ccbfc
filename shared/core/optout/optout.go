// Package optout recognises text messages by which a person asks for no more messages, takes that back, or asks for help.
//
// # Decisions
//
// Twilio answers and blocks some words itself, and passes the message on too. So each message is read twice: what it asks for,
// in a generous reading (a person may opt out by any reasonable means), and whether Twilio itself acts on it, in a strict
// reading. A person whose words only the generous reading understands gets a confirmation from us; the others have one from
// Twilio already.
//
// Twilio acts on a message that is one of its words and nothing else
// (https://help.twilio.com/articles/223134027). The words of Advanced Opt-Out are the account's own: Twilio says in the field
// OptOutType that it acted, and that field decides.
package optout

import (
	"slices"
	"strings"
	"unicode"
)

// MetricNotRecorded counts people who asked not to be contacted and whose number cannot be read.
const MetricNotRecorded = "OptOutNotRecorded"

// Request is what a message asks for.
type Request string

// The requests. A message that asks for none of these is part of a conversation.
const (
	None Request = ""
	Stop Request = "STOP"
	// Start takes an opt-out back. From a person who is not on the do-not-call list it may mean something else.
	Start Request = "START"
	Help  Request = "HELP"
)

// The words on which Twilio acts by default, when they are the whole message
// (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
var (
	twilioStopWords  = []string{"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
	twilioStartWords = []string{"start", "yes", "unstop"}
	twilioHelpWords  = []string{"help", "info"}
)

// The words that we accept: people may revoke their consent by any reasonable means (47 CFR 64.1200(a)(10)). Words of other
// languages come last.
var (
	stopWords = append(slices.Clone(twilioStopWords), "remove", "arret", "parar", "alto", "stopp", "abmelden", "afmelden")
	// startWords take an opt-out back. "Yes" is left out: it answers questions.
	startWords = []string{"start", "unstop", "subscribe", "resubscribe", "optin"}
	// stopPhrases ask for the same as stopWords when they stand in a short message.
	stopPhrases = []string{"opt out", "opt me out", "unsubscribe", "remove me", "remove my number", "take me off", "delete my number", "leave me alone",
		"stop texting", "stop calling", "stop messaging", "stop contacting", "stop sending", "do not text", "do not call", "do not contact", "do not message",
		"dont text", "dont call", "dont contact", "dont message", "no more texts", "no more messages", "no more calls", "revoke my consent", "withdraw my consent"}
	// politeWords may stand around a word. Together with other words it means something else: "cancel my appointment",
	// "stop by at noon".
	politeWords = []string{"please", "pls", "plz", "thanks", "thank", "you", "thx", "ty", "kindly", "hi", "hello", "hey", "ok", "okay", "now", "all", "it", "this", "that", "everything",
		"immediately", "already", "just", "me", "texts", "messages", "msgs", "sms", "calls", "texting", "calling", "messaging", "contacting", "s'il", "sil", "vous", "te", "plait", "por", "favor", "bitte", "danke", "gracias", "merci"}
	// doubtWords say that a phrase is part of something else: "how do I unsubscribe my colleague?", "why did you remove me?"
	doubtWords = []string{"how", "why", "when", "what", "who", "if", "did", "does", "should", "never", "wont", "cant", "resubscribe", "back"}
)

// maxWords is how long a message may be that has a word or a phrase in it.
const maxWords = 12

// Read returns what a message asks for. Help is asked for only by one word alone, since a person who writes more has a question.
func Read(message string) Request {
	words := plainWords(message)
	switch {
	case len(words) == 0 || len(words) > maxWords:
		return None
	case strings.Join(words, " ") == "opt in", consistsOf(words, startWords):
		return Start
	case consistsOf(words, stopWords), hasStopPhrase(words):
		return Stop
	case len(words) == 1 && slices.Contains(twilioHelpWords, words[0]):
		return Help
	}
	return None
}

// consistsOf reports whether at least one of a message's words is in the list, and all others are too, or are polite.
func consistsOf(words, list []string) bool {
	inList := func(w string) bool { return slices.Contains(list, w) }
	return slices.ContainsFunc(words, inList) &&
		!slices.ContainsFunc(words, func(w string) bool { return !inList(w) && !slices.Contains(politeWords, w) })
}

func hasStopPhrase(words []string) bool {
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(doubtWords, w) }) {
		return false
	}
	text := " " + strings.Join(words, " ") + " "
	return slices.ContainsFunc(stopPhrases, func(phrase string) bool { return strings.Contains(text, " "+phrase+" ") })
}

// ByTwilio returns the request on which Twilio acts by default, with a reply of its own: only for a message that is one word.
func ByTwilio(message string) Request {
	words := plainWords(message)
	if len(words) != 1 {
		return None
	}
	for request, list := range map[Request][]string{Stop: twilioStopWords, Start: twilioStartWords, Help: twilioHelpWords} {
		if slices.Contains(list, words[0]) {
			return request
		}
	}
	return None
}

// plainWords returns the words of a message in lower case, without accents on the words that matter, invisible characters
// and punctuation.
func plainWords(s string) []string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '\u2019' || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cc, r) && !unicode.IsSpace(r):
			return -1
		case r >= '\uff01' && r <= '\uff5e': // full-width
			r -= '\uff01' - '!'
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ' '
		}
		return unicode.ToLower(r)
	}, s)
	return strings.Fields(strings.NewReplacer("ê", "e", "é", "e", "î", "i").Replace(s))
}
