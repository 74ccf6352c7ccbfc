package faketwilio

import "time"

// The words of Twilio for how far a call is.
const (
	statusQueued         = "queued"
	statusInProgress     = "in-progress"
	statusCompleted      = "completed"
	directionOutboundAPI = "outbound-api"
)

func isFinal(status string) bool {
	switch status {
	case statusCompleted, "busy", "no-answer", "failed", "canceled":
		return true
	}
	return false
}

// reply is how the request for a call that was taken is answered.
type reply int

const (
	replyOK    reply = iota
	replyError       // 500
	replyNone        // the connection breaks
	replyLate        // as it should be, when nobody waits any more
	replyNoSID       // 201 and an empty object
)

// How long the parts of a call take.
const (
	ringDelay      = 200 * time.Millisecond // until it rings
	answerDelay    = 300 * time.Millisecond // until somebody answers
	detectionDelay = 200 * time.Millisecond // until it is known who
	talkTime       = time.Second            // from the answer until the call is over
	noAnswerTime   = time.Second            // until a telephone that nobody answers stops ringing
	lateReplyDelay = 20 * time.Second
)

// scenario is what becomes of a call; the zero one is answered by a person.
type scenario struct {
	reject   func(to string) *apiError
	busyOnce bool   // every other is turned away with 429
	lost     bool   // not taken, and answered 500
	reply    reply  // of one that is taken
	end      string // busy, no-answer or failed; completed where empty
	machine  bool   // answered by one
	silent   bool   // no callback is ever posted
	twice    bool   // each callback is posted twice, and the last one first
}

// scenarios are what becomes of calls to the numbers that doc.go lists.
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
