// Package retention deletes what assistants keep for a shorter time than the deployment.
//
// # Decisions
//
// The bucket's lifecycle rule deletes what is older than the deployment's retention. A rule for each assistant is not possible: a
// bucket has at most 1,000 rules, a rule cannot read a number of days from a tag, and a tag would have to be written anew to each object
// when an assistant's retention changes. So a function runs once a day. It needs no index: the keys of an assistant's objects begin
// with the assistant and go on with the day, so a listing begins with the oldest object and ends at the first one that is kept. A
// shorter retention also counts for calls that are stored already.
//
// All versions of an object are removed. Otherwise a deleted report could be restored for 30 days more.
//
// Rows expire by DynamoDB's TTL, which was set when they were written. The function also deletes the rows of the days that are over,
// for a retention that was shortened since, and because the TTL may take days.
//
// What would change our mind: more objects a day than one run can delete. Then each assistant would get a message of its own.
package retention

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/safego"
)

// Bucket holds the objects of all assistants.
type Bucket interface {
	// List yields the keys that begin with prefix, in order.
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error]
	Versions(ctx context.Context, prefix string) iter.Seq2[aurora.ObjectVersion, error]
	// Remove removes all versions of one object for good.
	Remove(ctx context.Context, key string) error
}

// Rows holds the rows of calls.
type Rows interface {
	// DeleteDay deletes the rows of an assistant's day and returns how many there were.
	DeleteDay(ctx context.Context, assistantID, day string) (int, error)
}

// Sweeper deletes what is older than its assistant's retention.
type Sweeper struct {
	Assistants interface {
		// WithRetention lists the assistants with a retention of their own. unreadable has an error for each one that cannot be read.
		WithRetention(ctx context.Context) (all []aurora.Assistant, unreadable []error, err error)
	}
	Bucket Bucket
	Rows   Rows
	// Most is the deployment's retention. Rows that are older have expired.
	Most time.Duration
	Now  func() time.Time
}

// Result says what was deleted.
type Result struct {
	Assistants int `json:"assistants"` // with a retention of their own
	Objects    int `json:"objects"`
	Rows       int `json:"rows"`
}

const (
	maxParallelDeletes = 8
	maxObjects         = 50_000 // of one assistant in one run: bounds the memory, and leaves time for the other assistants
)

// errMore says that a run deleted only a part. The next one goes on.
var errMore = fmt.Errorf("more than %d objects have expired; run again to delete the others", maxObjects)

// Sweep deletes what the assistants no longer keep. An error of one assistant does not keep the others from being swept. Sweep may be
// run again at any time.
func (s *Sweeper) Sweep(ctx context.Context) (Result, error) {
	all, errs, err := s.Assistants.WithRetention(ctx)
	if err != nil {
		return Result{}, err
	}
	var total Result
	for _, a := range all {
		if a.Retention(s.Most) == s.Most {
			continue
		}
		total.Assistants++
		swept, err := s.sweepAssistant(ctx, &a)
		total.Objects += swept.Objects
		total.Rows += swept.Rows
		if swept.Objects+swept.Rows > 0 {
			slog.InfoContext(ctx, "expired calls deleted", "event", "retention.swept", "assistantId", a.ID(), "objects", swept.Objects, "rows", swept.Rows)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("delete what %s no longer keeps: %w", a.ID(), err))
		}
	}
	return total, errors.Join(errs...)
}

// sweepAssistant deletes the objects and rows of days that ended before the assistant's retention began.
func (s *Sweeper) sweepAssistant(ctx context.Context, a *aurora.Assistant) (Result, error) {
	limit := s.Now().UTC().Add(-a.Retention(s.Most)).Truncate(24 * time.Hour) // the first day that is kept
	keys, err := s.expiredKeys(ctx, a.ID(), limit)
	var swept Result
	errs := []error{err}
	for i, err := range safego.Each(ctx, len(keys), maxParallelDeletes, func(i int) error { return s.Bucket.Remove(ctx, keys[i]) }) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", keys[i], err))
		} else {
			swept.Objects++
		}
	}
	var days []string
	for day := limit.AddDate(0, 0, -1); s.Now().Sub(day) <= s.Most+48*time.Hour; day = day.AddDate(0, 0, -1) {
		days = append(days, day.Format(time.DateOnly))
	}
	deleted := make([]int, len(days))
	errs = append(errs, safego.Each(ctx, len(days), maxParallelDeletes, func(i int) (err error) {
		deleted[i], err = s.Rows.DeleteDay(ctx, a.ID(), days[i])
		return err
	})...)
	for _, n := range deleted {
		swept.Rows += n
	}
	return swept, errors.Join(errs...)
}

// expiredKeys returns the keys of the objects that belong to a day before limit.
func (s *Sweeper) expiredKeys(ctx context.Context, assistantID string, limit time.Time) ([]string, error) {
	var keys []string
	// add reports whether there is room for more keys.
	add := func(key string) bool {
		keys = append(keys, key)
		return len(keys) < maxObjects
	}
	for _, prefix := range aurora.AssistantPrefixes(assistantID) {
		for key, err := range s.Bucket.List(ctx, prefix, "") {
			if err != nil {
				return keys, err
			}
			day, ok := keyDay(strings.TrimPrefix(key, prefix))
			if ok && !day.Before(limit) {
				break // the keys are in the order of their days
			}
			if ok && !add(key) {
				return keys, errMore
			}
		}
		for v, err := range s.Bucket.Versions(ctx, prefix+aurora.UndatedPrefix) {
			if err != nil {
				return keys, err
			}
			if v.Current && !v.DeleteMarker && v.Written.Before(limit) && !add(v.Key) {
				return keys, errMore
			}
		}
	}
	return keys, nil
}

// keyDay returns the day with which the rest of a key begins: 2026/11/25/… or, for a report that was made, 2026-11-25T0800/….
func keyDay(rest string) (time.Time, bool) {
	for _, layout := range []string{"2006/01/02", time.DateOnly} {
		if len(rest) < len(layout) {
			continue
		}
		if day, err := time.Parse(layout, rest[:len(layout)]); err == nil {
			return day, true
		}
	}
	return time.Time{}, false
}
