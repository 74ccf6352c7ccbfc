package phonecall

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
)

const (
	busyPause    = 250 * time.Millisecond // before words are sent again to a connection that took none
	maxBusy      = 8
	frameTimeout = 5 * time.Second
)

// speaker sends the words of one turn, one message at a time: the next one when the gateway has taken the one before.
type speaker struct {
	send func(ctx context.Context, text string) error // nothing is sent after an error

	mu      sync.Mutex
	words   strings.Builder // that wait
	since   time.Time       // when the first of them came
	hurry   bool            // they are sent at once
	closing bool            // no more words come
	sent    strings.Builder
	fillers []string
	lastAt  time.Time // when the newest words were sent
	err     error
	wake    chan struct{}
	done    chan struct{}
	now     func() time.Time
}

func newSpeaker(ctx context.Context, now func() time.Time, send func(context.Context, string) error) *speaker {
	s := &speaker{send: send, wake: make(chan struct{}, 1), done: make(chan struct{}), now: now}
	safego.Go(ctx, func() { s.run(context.WithoutCancel(ctx)) }, func(err error) {
		s.fail(err)
		close(s.done)
	})
	return s
}

// write takes words. It returns the error of the words before.
func (s *speaker) write(text string, isFiller bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.closing {
		return s.err
	}
	if s.words.Len() == 0 {
		s.since = s.now()
	}
	text = strings.ReplaceAll(text, "<", " less than ") // a voice could read it as SSML
	s.words.WriteString(text)
	if isFiller {
		s.hurry, s.fillers = true, append(s.fillers, text)
	}
	s.signal()
	return nil
}

// signal wakes run. The mutex is held.
func (s *speaker) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close sends what waits and returns the words that were sent.
func (s *speaker) close() (sent string, fillers []string, err error) {
	s.mu.Lock()
	s.closing = true
	s.signal()
	s.mu.Unlock()
	<-s.done
	return s.sent.String(), s.fillers, s.err
}

// fail ends the speaker: words that wait are not sent.
func (s *speaker) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.signal()
}

// isSpeaking reports whether words were sent a moment ago.
func (s *speaker) isSpeaking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.lastAt.IsZero() && s.now().Sub(s.lastAt) < speakingWithin
}

func (s *speaker) run(ctx context.Context) {
	for busy := 0; ; {
		chunk, ended, wait := s.next()
		if ended {
			close(s.done)
			return
		}
		if chunk == "" {
			s.sleep(wait)
			continue
		}
		err := s.send(ctx, chunk)
		switch {
		case err == nil:
			busy = 0
			s.sentChunk(chunk)
		case fault.Is(err, fault.RateLimited) && busy < maxBusy:
			busy++ // the words go with those that came meanwhile
			slog.WarnContext(ctx, "words wait: the connection takes no more messages now", "event", "phone.connection_busy", "attempt", busy)
			select {
			case <-ctx.Done():
			case <-time.After(busyPause):
			}
		default:
			s.fail(err)
		}
	}
}

// next returns the words that are sent now. ended means that none are left or may be sent.
func (s *speaker) next() (chunk string, ended bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	words := s.words.String()
	if s.err != nil || s.closing && words == "" {
		return "", true, 0
	}
	if strings.TrimSpace(words) == "" && !s.closing && !s.hurry {
		return "", false, time.Hour // until more words come
	}
	isFirst, age := s.sent.Len() == 0, s.now().Sub(s.since)
	n := cutChunk(words, age, isFirst, s.closing || s.hurry)
	if n > 0 {
		return words[:n], false, 0
	}
	if isFirst {
		return "", false, firstChunkAfter - age
	}
	return "", false, laterChunkAfter - age
}

func (s *speaker) sentChunk(chunk string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.words.String()[len(chunk):]
	s.words.Reset()
	s.words.WriteString(rest)
	s.sent.WriteString(chunk)
	s.since, s.lastAt = s.now(), s.now()
	s.hurry = s.hurry && rest != ""
}

func (s *speaker) sleep(d time.Duration) {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-s.wake:
	case <-timer.C:
	}
}
