package faketwilio

import "time"

// The words of Twilio for how far a call is.
const (
	queued      = "queued"
	inProgress  = "in-progress"
	completed   = "completed"
	outboundAPI = "outbound-api"
)

func final(status string) bool {
	switch status {
	case completed, "busy", "no-answer", "failed", "canceled":
		return true
	}
	return false
}

// reply is how the request for a call that was taken is answered.
type reply int

const (
	replyGood  reply = iota
	replyError       // 500
	replyNone        // the connection breaks
	replyLate        // as it should be, when nobody waits any more
	replyNoSID       // 201 and an empty object
)

// How long the parts of a call take.
const (
	ring   = 200 * time.Millisecond // until it rings
	pickUp = 300 * time.Millisecond // until somebody answers
	listen = 200 * time.Millisecond // until it is known who
	talk   = time.Second            // from the answer until the call is over
	giveUp = time.Second            // until a telephone that nobody answers stops ringing
	late   = 20 * time.Second
)

// scenario is what becomes of a call; the zero one is answered by a person.
type scenario struct {
	refuse   func(to string) *refusal
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
	"+14155550110": {refuse: invalidTo},
	"+14155550111": {refuse: notAllowed},
	"+14155550112": {busyOnce: true},
	"+14155550113": {reply: replyError},
	"+14155550114": {reply: replyNone},
	"+14155550115": {reply: replyNoSID},
	"+14155550116": {refuse: notInternational},
	"+14155550117": {lost: true},
	"+14155550118": {refuse: func(string) *refusal { return refuse(429, 20429, "Too Many Requests") }},
	"+14155550119": {reply: replyLate},
	"+14155550120": {reply: replyNone, silent: true},
}
