package phonecall

import (
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
)

const (
	replayWithin   = 2 * time.Second // the same words again are a repeated message, not the caller
	maxRecentTurns = 4               // whose words stay in the state
)

// sawEvent records that a message has arrived.
func sawEvent(c *aurora.PhoneCall, at time.Time) {
	if at.After(c.LastEventAt) {
		c.LastEventAt = at
	}
}

// isOver reports whether the conversation is over: the session was ended, or the report is begun.
func isOver(c *aurora.PhoneCall) bool {
	return c.Report != nil || c.Closing != nil && !c.Closing.SentAt.IsZero()
}

// findTurn returns the turn with a generation among those that the state knows, or nil.
func findTurn(c *aurora.PhoneCall, generation int64) *aurora.SpokenTurn {
	i := slices.IndexFunc(c.Spoken, func(t aurora.SpokenTurn) bool { return t.Generation == generation })
	if i < 0 {
		return nil
	}
	return &c.Spoken[i]
}

// hasRunningTurn reports whether a turn of the present generation goes on.
func hasRunningTurn(c *aurora.PhoneCall) bool {
	t := findTurn(c, c.Generation)
	return t != nil && t.EndedAt.IsZero()
}

// addPrompt applies what the caller said. It reports whether a turn is to answer it.
func addPrompt(c *aurora.PhoneCall, words aurora.CallerWords) (answer bool) {
	sawEvent(c, words.At)
	position, known := slices.BinarySearchFunc(c.Waiting, words.At, func(w aurora.CallerWords, at time.Time) int { return w.At.Compare(at) })
	for known && position < len(c.Waiting) && c.Waiting[position].At.Equal(words.At) {
		position++
	}
	c.Waiting = slices.Insert(c.Waiting, position, words)
	if words.At.Before(c.LastPromptAt) || words.At.Before(c.LastInterruptAt) {
		c.OutOfOrder++
	}
	if words.At.Before(c.LastInterruptAt) || c.Closing != nil {
		return false // the caller has interrupted since and will say more; or the call is about to end
	}
	if words.At.After(c.LastPromptAt) {
		c.LastPromptAt = words.At
	}
	beginTurn(c)
	return true
}

// beginTurn increases the generation for a turn that answers all that waits.
func beginTurn(c *aurora.PhoneCall) {
	c.Generation++
	at := c.LastPromptAt
	if n := len(c.Waiting); n > 0 && c.Waiting[n-1].At.After(at) {
		at = c.Waiting[n-1].At
	}
	c.Spoken = append(c.Spoken, aurora.SpokenTurn{Generation: c.Generation, StartedAt: at})
	trimSpoken(c)
}

// trimSpoken removes from the state what the stored turns have.
func trimSpoken(c *aurora.PhoneCall) {
	recent := max(0, len(c.Spoken)-maxRecentTurns)
	kept := c.Spoken[:0:0]
	for i, t := range c.Spoken {
		if i < recent {
			if !t.Cut {
				continue
			}
			t.Planned, t.Fillers = "", nil
		}
		kept = append(kept, t)
	}
	c.Spoken = kept
}

// isReplay reports whether words are those that the newest turn has answered, sent again.
func isReplay(c *aurora.PhoneCall, words aurora.CallerWords) bool {
	if hasID(c.Waiting, words.ID) {
		return true
	}
	for i := len(c.Spoken) - 1; i >= 0; i-- {
		said := c.Spoken[i].Said
		if hasID(said, words.ID) {
			return true
		}
		if len(said) > 0 {
			last := said[len(said)-1]
			apart := words.At.Sub(last.At).Abs()
			return apart <= replayWithin && strings.TrimSpace(last.Text) == strings.TrimSpace(words.Text) && !hasRunningTurn(c)
		}
	}
	return false
}

func hasID(words []aurora.CallerWords, id string) bool {
	return slices.ContainsFunc(words, func(w aurora.CallerWords) bool { return w.ID == id })
}

// addInterrupt applies that the caller cut in after some words. It reports whether the turn is superseded by it.
func addInterrupt(c *aurora.PhoneCall, at time.Time, heard string) (superseded bool) {
	sawEvent(c, at)
	c.Interrupts++
	if t := interruptedTurn(c, at, heard); t != nil && (!t.Cut || t.Assumed) {
		t.Cut, t.Heard, t.Assumed = true, heard, false
		if t.EndedAt.IsZero() && heard != "" { // it was answered in part
			takeWords(c, t)
		}
	}
	if at.After(c.LastInterruptAt) {
		c.LastInterruptAt = at
	}
	if !at.After(c.LastPromptAt) { // the prompt that follows the interruption was handled first
		c.OutOfOrder++
		return false
	}
	c.Generation++
	return true
}

// interruptedTurn returns the turn that was being spoken at a time: the newest that began before it. A turn whose words are
// known must have those that were heard.
func interruptedTurn(c *aurora.PhoneCall, at time.Time, heard string) *aurora.SpokenTurn {
	for i := len(c.Spoken) - 1; i >= 0; i-- {
		t := &c.Spoken[i]
		if !t.StartedAt.Before(at) {
			continue
		}
		if t.EndedAt.IsZero() || beginsWith(t.Planned, heard) {
			return t
		}
		if !at.After(c.LastPromptAt) {
			continue // it may have been the turn before
		}
		if t.Planned != "" && t.Generation > 0 {
			return t // what was heard is not what was planned: it is believed; but other words are not the greeting
		}
	}
	return nil
}

// takeWords moves what waits and was said until a turn began to the turn.
func takeWords(c *aurora.PhoneCall, t *aurora.SpokenTurn) {
	var waiting []aurora.CallerWords
	for _, w := range c.Waiting {
		if w.At.After(t.StartedAt) {
			waiting = append(waiting, w)
		} else {
			t.Said = append(t.Said, w)
		}
	}
	c.Waiting = waiting
}

// endTurn applies that a turn has ended, with what it has said. isComplete says that all its words were sent. It reports whether
// the turn was not superseded.
func endTurn(c *aurora.PhoneCall, turn aurora.SpokenTurn, isComplete bool) (isCurrent bool) {
	isCurrent = c.Generation == turn.Generation && c.Report == nil
	t := findTurn(c, turn.Generation)
	if t == nil { // others came since
		c.Spoken = append(c.Spoken, aurora.SpokenTurn{Generation: turn.Generation, StartedAt: turn.StartedAt})
		slices.SortFunc(c.Spoken, func(a, b aurora.SpokenTurn) int { return int(a.Generation - b.Generation) })
		t = findTurn(c, turn.Generation)
	}
	t.Planned, t.Fillers, t.EndedAt = turn.Planned, turn.Fillers, turn.EndedAt
	for _, w := range turn.Said {
		if !hasID(t.Said, w.ID) {
			t.Said = append(t.Said, w)
		}
	}
	if (!isCurrent || !isComplete) && !t.Cut { // what was not sent was not heard
		t.Cut, t.Heard, t.Assumed = true, turn.Planned, true
	}
	c.Waiting = slices.DeleteFunc(slices.Clone(c.Waiting), func(w aurora.CallerWords) bool { return hasID(t.Said, w.ID) })
	if c.WorkingTurn == turn.Generation {
		c.WorkingTurn = 0
	}
	return isCurrent
}

// dropTurn applies that a turn ended without a word and without a tool: what it was to answer still waits.
func dropTurn(c *aurora.PhoneCall, generation int64) {
	c.Spoken = slices.DeleteFunc(slices.Clone(c.Spoken), func(t aurora.SpokenTurn) bool {
		return t.Generation == generation && t.Heard == "" && len(t.Said) == 0
	})
	if t := findTurn(c, generation); t != nil {
		t.EndedAt = t.StartedAt
	}
	if c.WorkingTurn == generation {
		c.WorkingTurn = 0
	}
}
