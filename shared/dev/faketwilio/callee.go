package faketwilio

import (
	"context"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
)

// personAtThePage is a destination that is answered by the person at the page, who types.
const personAtThePage = "+14155550130"

// machineTime is how long an answering machine records.
const machineTime = 30 * time.Second

// usesRelay reports whether TwiML leads to ConversationRelay, so that it is played.
func usesRelay(twiml string) bool { return strings.Contains(twiml, "<ConversationRelay") }

// converse plays the TwiML of an outbound call that was answered. Detection has its result meanwhile, or had it before.
func (p *progress) converse(live context.Context, by string, inTheMeantime bool) {
	s, c := p.server, p.call
	callee := s.options.Callee
	switch {
	case c.To == personAtThePage:
		callee = nil
	case callee == nil && p.play.machine:
		callee = answeringMachine
	case callee == nil:
		callee = politePerson
	}
	c.plan.Twice, c.plan.Silent = p.play.twice, p.play.silent
	p.voice = s.newVoice(c, callee)
	var detecting sync.WaitGroup
	if inTheMeantime {
		detecting.Go(func() {
			if p.voice.pause(live, detectionDelay) {
				p.setAnsweredBy(by)
				p.reportDetection(by)
			}
		})
	}
	p.voice.enter(document{c.Twiml, "", true})
	c.hangup()
	detecting.Wait()
}

// politePerson is the caller's part of an outbound call: a question and a goodbye.
func politePerson(ctx context.Context, phone *fakerelay.Phone) {
	for _, text := range []string{"Hello, who is calling?", "Thank you, goodbye."} {
		if phone.Listen(ctx) != nil || phone.Say(ctx, text) != nil {
			return
		}
	}
	_ = phone.Listen(ctx) // the person hangs up in any case
	phone.Pause(ctx, time.Second)
}

// answeringMachine records what it hears.
func answeringMachine(ctx context.Context, phone *fakerelay.Phone) { phone.Pause(ctx, machineTime) }
