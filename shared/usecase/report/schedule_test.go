package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/report"
)

// zones are time zones with every kind of offset and change: offsets of half and quarter hours, changes at midnight, of half
// an hour and of two hours, zones on both sides of the date line, and zones without changes.
var zones = strings.Fields(`UTC Etc/GMT+12 Etc/GMT-14 Pacific/Kiritimati Pacific/Chatham Pacific/Auckland Pacific/Norfolk Pacific/Honolulu
	Pacific/Pago_Pago Pacific/Marquesas Australia/Lord_Howe Australia/Adelaide Australia/Darwin Australia/Eucla Australia/Sydney Asia/Tokyo
	Asia/Kolkata Asia/Kathmandu Asia/Yangon Asia/Kabul Asia/Tehran Asia/Beirut Asia/Gaza Asia/Jerusalem Africa/Cairo Africa/Casablanca
	Africa/El_Aaiun Africa/Lagos Africa/Johannesburg Europe/London Europe/Bucharest Europe/Chisinau Europe/Moscow Europe/Lisbon
	Atlantic/Azores Atlantic/Cape_Verde America/Nuuk America/Scoresbysund America/St_Johns America/Halifax America/Sao_Paulo
	America/Santiago America/Asuncion America/Havana America/Caracas America/New_York America/Chicago America/Denver America/Phoenix
	America/Los_Angeles America/Anchorage America/Adak Antarctica/Troll Antarctica/Casey Antarctica/McMurdo Arctic/Longyearbyen`)

type fakeAssistants struct {
	internal, scheduled []aurora.Assistant
	unreadable          []error
	err                 error
}

func (s fakeAssistants) Internal(context.Context) ([]aurora.Assistant, []error, error) {
	return slices.Clone(s.internal), s.unreadable, s.err
}

func (s fakeAssistants) Scheduled(context.Context) ([]aurora.Assistant, []error, error) {
	return slices.Clone(s.scheduled), s.unreadable, s.err
}

type fakeQueue struct {
	mu   sync.Mutex
	sent []string
	fail func(body string) error
}

func (j *fakeQueue) Send(_ context.Context, body string, _ map[string]string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		if err := j.fail(body); err != nil {
			return err
		}
	}
	j.sent = append(j.sent, body)
	return nil
}

// takeJobs returns the jobs that were sent since the last call, sorted.
func (j *fakeQueue) takeJobs() []string {
	sent := j.sent
	j.sent = nil
	slices.Sort(sent)
	return sent
}

func assistantIn(id, zone string) aurora.Assistant {
	return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id), TimeZone: aurora.Text(zone)}}
}

func newScheduler(s fakeAssistants, now time.Time) (*report.Scheduler, *fakeQueue, map[string]int) {
	j, counted := &fakeQueue{}, map[string]int{}
	return &report.Scheduler{Assistants: s, Queue: j, Now: func() time.Time { return now },
		Count: func(_ context.Context, metric string) { counted[metric]++ }}, j, counted
}

// scheduleFires reports whether the schedule of template.yaml for a period fires at an hour.
func scheduleFires(period aurora.Period, at time.Time) bool {
	if period == aurora.Weekly {
		return at.Weekday() == time.Sunday || at.Weekday() == time.Monday
	}
	return at.Day() == 1 || at.Day() >= 28
}

// In a year of the template's schedules every assistant gets one report for each week and one for each month, between 08:00
// and 09:00 in its time zone. The window of each ends at the assistant's last midnight.
func TestEveryZoneGetsEachReportOnce(t *testing.T) {
	var all []aurora.Assistant
	for _, zone := range zones {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		all = append(all, assistantIn(zone, zone))
	}
	s, queue, counted := newScheduler(fakeAssistants{internal: all[:20], scheduled: all[10:]}, time.Time{})
	for _, period := range []aurora.Period{aurora.Weekly, aurora.Monthly} {
		windows := map[string][]aurora.ReportJob{}
		from := time.Date(2025, 12, 27, 0, 0, 0, 0, time.UTC)
		for at := from; at.Before(from.AddDate(1, 0, 20)); at = at.Add(time.Hour) {
			if !scheduleFires(period, at) {
				continue
			}
			if _, err := s.QueueScheduled(t.Context(), period, at, false); err != nil {
				t.Fatal(err)
			}
			for _, body := range queue.takeJobs() {
				var job aurora.ReportJob
				if err := json.Unmarshal([]byte(body), &job); err != nil {
					t.Fatal(err)
				}
				zone, _ := time.LoadLocation(job.AssistantID)
				local := at.In(zone)
				if job.Until = job.Until.In(zone); job.Until != aurora.StartOfDay(local) || local.Hour() != 8 || job.Period != period || job.Resend || job.Quiet {
					t.Fatalf("at %v: %s", local, body)
				}
				windows[job.AssistantID] = append(windows[job.AssistantID], job)
			}
		}
		for _, zone := range zones {
			location, _ := time.LoadLocation(zone)
			want := map[string]bool{}
			for day := time.Date(2026, 1, 1, 12, 0, 0, 0, location); day.Year() == 2026; day = day.AddDate(0, 0, 1) {
				if period == aurora.Weekly && day.Weekday() == time.Monday || period == aurora.Monthly && day.Day() == 1 {
					want[aurora.StartOfDay(day).Format(time.RFC3339)] = true
				}
			}
			got := map[string]int{}
			for i, job := range windows[zone] {
				if job.Until.Year() == 2026 {
					got[job.Until.Format(time.RFC3339)]++
				}
				if i > 0 { // each window begins where the one before ends, so that no call is left out or counted twice
					before := windows[zone][i-1]
					if w := period.WindowUntil(job.Until, location); !w.From.Equal(before.Until) {
						t.Errorf("%s: the window is %v to %v, and the one before ended at %v", zone, w.From, w.Until, before.Until)
					}
				}
			}
			for until := range want {
				if got[until] != 1 {
					t.Errorf("%s %s until %s: %d jobs, want 1", period, zone, until, got[until])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s %s: %d reports in a year, want %d", period, zone, len(got), len(want))
			}
		}
	}
	if len(counted) > 0 {
		t.Errorf("counted %v", counted)
	}
}

// Fault 55: an event of the schedule that comes twice or late leads to the same jobs.
func TestFault55DuplicateSchedule(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var all []aurora.Assistant
		for i, zone := range rapid.SliceOfN(rapid.SampledFrom(zones), 1, 12).Draw(r, "zones") {
			all = append(all, assistantIn(fmt.Sprint("a", i), zone))
		}
		at := time.Unix(rapid.Int64Range(1767225600, 1798761600).Draw(r, "at"), 0).UTC().Truncate(time.Hour) // in 2026
		period := rapid.SampledFrom([]aurora.Period{aurora.Weekly, aurora.Monthly}).Draw(r, "period")
		everybody := rapid.Bool().Draw(r, "all")
		var first []string
		for i, late := range []time.Duration{0, 0, time.Minute, 50 * time.Minute, 26 * time.Hour} {
			s, queue, _ := newScheduler(fakeAssistants{internal: all, scheduled: all}, at.Add(late))
			n, err := s.QueueScheduled(context.Background(), period, at, everybody)
			got := queue.takeJobs()
			if err != nil || n != len(got) || everybody && n != len(all) {
				r.Fatalf("%d jobs were reported (%v) and %d sent for %d assistants", n, err, len(got), len(all))
			}
			if i == 0 {
				first = got
			} else if !slices.Equal(first, got) {
				r.Fatalf("%v late the jobs are %v, want %v", late, got, first)
			}
		}
	})
}

func TestInternal(t *testing.T) {
	now := time.Date(2026, 11, 18, 15, 20, 30, 5, time.UTC)
	s, queue, _ := newScheduler(fakeAssistants{internal: []aurora.Assistant{assistantIn("a", "America/New_York"), assistantIn("b", "Asia/Kathmandu"), assistantIn("c", "Nowhere/Land")}}, now)
	n, err := s.QueueInternal(t.Context(), aurora.Weekly)
	want := []string{
		`{"assistantId":"a","period":"weekly","until":"2026-11-18T11:00:00-05:00"}`,
		`{"assistantId":"b","period":"weekly","until":"2026-11-18T22:00:00+05:45"}`, // its clock shows 21:05
		`{"assistantId":"c","period":"weekly","until":"2026-11-18T16:00:00Z"}`}
	if got := queue.takeJobs(); n != 3 || err != nil || !slices.Equal(got, want) {
		t.Errorf("%d jobs (%v), want 3:\n%s", n, err, strings.Join(got, "\n"))
	}
	s, _, _ = newScheduler(fakeAssistants{err: fault.New(fault.Unavailable, "Away.")}, now)
	if _, err := s.QueueInternal(t.Context(), aurora.Weekly); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the error is %v, want an unavailable one", err)
	}
	if _, err := s.QueueScheduled(t.Context(), aurora.Weekly, now, true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the error is %v, want an unavailable one", err)
	}
}

// Fault 56: one assistant of forty cannot be read, and the job of another is not accepted. The others are queued, the failure
// is counted, and the error asks for another try.
func TestFault56FailedJobs(t *testing.T) {
	testkit.DiscardLog(t)
	var all []aurora.Assistant
	for i := range 39 {
		all = append(all, assistantIn(fmt.Sprintf("a%02d", i), "UTC"))
	}
	poison := errors.New("item poison: it is no JSON")
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	t.Run("fault 56: an assistant cannot be read", func(t *testing.T) {
		s, queue, counted := newScheduler(fakeAssistants{internal: all, scheduled: all[:3], unreadable: []error{poison}}, now)
		if n, err := s.QueueInternal(t.Context(), aurora.Weekly); n != 39 || err != nil || len(queue.takeJobs()) != 39 || counted["ReportFailed"] != 1 {
			t.Errorf("%d jobs (%v), metrics %v, want 39 jobs and one more ReportFailed", n, err, counted)
		}
		if n, err := s.QueueScheduled(t.Context(), aurora.Weekly, now, false); n != 39 || err != nil || len(queue.takeJobs()) != 39 || counted["ReportFailed"] != 2 {
			t.Errorf("%d jobs (%v), metrics %v, want 39 jobs and one more ReportFailed", n, err, counted)
		}
	})
	t.Run("fault 56: a job is not accepted", func(t *testing.T) {
		for name, fail := range map[string]func(string) error{
			"rejected": func(string) error { return errors.New("SQS is away") },
			"panicked": func(string) error { panic("nil map") },
		} {
			s, queue, counted := newScheduler(fakeAssistants{internal: all}, now)
			queue.fail = func(body string) error {
				if strings.Contains(body, `"a07"`) {
					return fail(body)
				}
				return nil
			}
			n, err := s.QueueInternal(t.Context(), aurora.Weekly)
			if n != 38 || !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "a07") || len(queue.takeJobs()) != 38 || counted["ReportFailed"] != 1 {
				t.Errorf("%s: %d jobs (%v), metrics %v, want 38 jobs, an error that names a07 and one ReportFailed", name, n, err, counted)
			}
		}
	})
}
