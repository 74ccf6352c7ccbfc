package erasure

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// reportFolder returns the prefix of a report's objects, for the key of one of them.
func reportFolder(key string) string {
	parts := strings.SplitAfterN(key, "/", 5) // reports/<assistant>/<period>/<window>/…
	return strings.Join(parts[:min(len(parts), 4)], "")
}

// maxRemakes is how often a report is made again in one run. A row that was just deleted may still be read once.
const maxRemakes = 2

// remakeReports makes the reports again that name the person, and removes the versions that were there before. A report that
// cannot be made again, or that still names the person, is removed.
func (e *eraser) remakeReports(ctx context.Context, affected map[string][]aurora.ObjectVersion) error {
	var jobs []aurora.ReportJob
	for _, folder := range slices.Sorted(maps.Keys(affected)) {
		job, ok, err := e.reportJob(ctx, folder, affected[folder])
		if err != nil {
			return err
		}
		if e.folders[folder]++; !ok || e.folders[folder] > maxRemakes {
			e.counts.ReportsRemoved++
			continue
		}
		jobs = append(jobs, job)
	}
	e.progress("reports to make again", len(jobs))
	if e.dryRun {
		e.counts.ReportsMadeAgain = len(jobs)
		e.counts.ReportVersions = countVersions(affected)
		return nil
	}
	for _, err := range e.Reports.MakeReports(ctx, jobs) {
		switch {
		case err == nil:
			e.counts.ReportsMadeAgain++
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid): // the assistant is gone
			e.counts.ReportsRemoved++
		default: // a later run makes it, and finds it by the versions that stay
			return cmp.Or(ctx.Err(), err)
		}
	}
	for _, versions := range affected {
		for _, v := range versions {
			if err := e.Writer.RemoveVersion(ctx, v); err != nil {
				return err
			}
			e.counts.ReportVersions++
		}
	}
	return nil
}

func countVersions(affected map[string][]aurora.ObjectVersion) (n int) {
	for _, versions := range affected {
		n += len(versions)
	}
	return n
}

// reportJob returns the job that makes a report again. It is not ok if the report does not say which one it is.
func (e *eraser) reportJob(ctx context.Context, folder string, versions []aurora.ObjectVersion) (job aurora.ReportJob, ok bool, err error) {
	for _, v := range versions {
		if v.Key != folder+aurora.ReportJSONName || v.DeleteMarker {
			continue
		}
		body, err := e.Bucket.ReadVersion(ctx, v)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return job, false, err
		}
		var made aurora.Report
		if json.Unmarshal(body, &made) == nil && made.AssistantID != "" && !made.Until.IsZero() {
			return aurora.ReportJob{AssistantID: made.AssistantID, Period: made.Period, Until: made.Until, Quiet: true}, true, nil
		}
	}
	return job, false, nil
}
