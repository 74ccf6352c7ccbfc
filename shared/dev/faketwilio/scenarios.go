package faketwilio

import "time"

// The statuses of a call in Twilio's API.
const (
	statusQueued         = "queued"
	statusInProgress     = "in-progress"
	statusCompleted      = "completed"
	directionOutboundAPI = "outbound-api"
	directionInbound     = "inbound"
)

func isFinal(status string) bool {
	switch status {
	case statusCompleted, "busy", "no-answer", "failed", "canceled":
		return true
	}
	return false
}

// reply is the answer to the request of an accepted call.
type reply int

const (
	replyOK    reply = iota
	replyError       // 500
	replyNone        // the connection breaks
	replyLate        // a correct answer after the client's timeout
	replyNoSID       // 201 and an empty object
)

// The durations of the phases of a call.
const (
	ringDelay      = 200 * time.Millisecond // until it rings
	answerDelay    = 300 * time.Millisecond // until it is answered
	detectionDelay = 200 * time.Millisecond // until detection has a result
	talkTime       = time.Second            // from the answer to the end
	noAnswerTime   = time.Second            // until an unanswered call ends
	lateReplyDelay = 20 * time.Second
)

// scenario is the course of a call. In the zero scenario a person answers.
type scenario struct {
	reject   func(to string) *apiError
	busyOnce bool   // every other request is answered with 429
	lost     bool   // not accepted, and answered 500
	reply    reply  // to the request of an accepted call
	end      string // busy, no-answer or failed; completed where empty
	machine  bool   // a machine answers
	silent   bool   // no callback is ever posted
	twice    bool   // each callback is posted twice, the last one first
}

// scenarios are the courses of calls to the numbers that doc.go lists.
var scenarios = map[string]scenario{
	"+14155550101": {end: "busy"},
	"+14155550102": {end: "no-answer"},
	"+14155550103": {end: "failed"},
	"+14155550104": {machine: true},
	"+14155550105": {silent: true},
	"+14155550106": {twice: true},
	"+14155550110": {reject: invalidTo},
	"+14155550111": {reject: notAllowed},
	"+14155550112": {busyOnce: true},
	"+14155550113": {reply: replyError},
	"+14155550114": {reply: replyNone},
	"+14155550115": {reply: replyNoSID},
	"+14155550116": {reject: notInternational},
	"+14155550117": {lost: true},
	"+14155550118": {reject: func(string) *apiError { return newError(429, 20429, "Too Many Requests") }},
	"+14155550119": {reply: replyLate},
	"+14155550120": {reply: replyNone, silent: true},
}
