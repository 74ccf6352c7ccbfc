package endofcall

import (
	"time"

	"example.com/aurora/shared/core/aurora"
)

const (
	quietTime       = FinishDelay      // after a signal that the call is over
	reconnectTime   = time.Minute      // after a signal that may be followed by another session
	resumeTime      = 5 * time.Minute  // after a session that another one is to follow, perhaps after a dialled leg
	recordingTime   = 2 * time.Minute  // a recording is ready by then
	silentTime      = 30 * time.Minute // without an event on an open connection: speech, and our own keep-alive, come more often
	longestCall     = 5 * time.Hour    // Twilio ends calls after four (https://www.twilio.com/docs/api/errors/64104)
	sameTime        = 5 * time.Second  // of the last events of a session and the request that follows it
	neverConnected  = MaxDelay         // without a connection or any signal
	transferPolling = MaxDelay         // while the dialled leg talks; its end sends a task of its own
)

// hasSignal reports whether anything said that the session or the call is over.
func hasSignal(end aurora.CallEnd) bool {
	return !end.ActionAt.IsZero() || !end.StatusAt.IsZero() || !end.DisconnectedAt.IsZero()
}

// waitTime returns how long to wait before it can be said that a call is over. It is 0 if the call is over.
func waitTime(c aurora.PhoneCall, now time.Time) time.Duration {
	until := func(from time.Time, d time.Duration) time.Duration { return max(from.Add(d).Sub(now), 0) }
	end := c.End
	if !end.StatusAt.IsZero() {
		if c.Recorded && end.RecordingURL == "" {
			return until(end.StatusAt, recordingTime)
		}
		return until(end.StatusAt, quietTime)
	}
	if until(c.CreatedAt, longestCall) == 0 {
		return 0
	}
	if end.Transferred && end.TransferStatus == "" {
		return transferPolling
	}
	if wait := sessionWait(c, until); wait > 0 {
		return wait
	}
	if c.Recorded && end.RecordingURL == "" && hasSignal(end) {
		return until(latest(end.ActionAt, end.DisconnectedAt), recordingTime)
	}
	return 0
}

// sessionWait returns how long to wait before it can be said that no session of the call is open and none will follow.
func sessionWait(c aurora.PhoneCall, until func(time.Time, time.Duration) time.Duration) time.Duration {
	end := c.End
	isOpen := c.ConnectionID != ""
	resumed := isOpen && lastEvent(c).After(end.ActionAt.Add(sameTime))
	switch {
	case !end.ActionAt.IsZero() && !resumed:
		quiet := quietTime
		if end.Resumed {
			return until(latest(latest(end.ActionAt, end.DisconnectedAt), lastEvent(c)), resumeTime)
		}
		if end.ErrorCode != "" || end.SessionStatus == "failed" {
			quiet = reconnectTime
		}
		return until(latest(end.ActionAt, end.DisconnectedAt), quiet)
	case isOpen:
		if wait := until(lastEvent(c), silentTime); wait > 0 {
			return min(wait, MaxDelay)
		}
		return 0
	case !end.DisconnectedAt.IsZero():
		return until(latest(end.DisconnectedAt, end.ActionAt), reconnectTime)
	case c.ConnectedAt.IsZero():
		return until(c.CreatedAt, neverConnected)
	}
	return until(lastEvent(c), silentTime)
}

// lastEvent returns when a session last showed that it goes on.
func lastEvent(c aurora.PhoneCall) time.Time {
	last := latest(c.LastEventAt, c.ConnectedAt)
	for _, t := range c.Spoken {
		last = latest(last, latest(t.StartedAt, t.EndedAt))
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
