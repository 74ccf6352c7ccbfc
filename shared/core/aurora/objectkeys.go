package aurora

import (
	"path"
	"strings"
	"time"
)

// Prefixes of the keys of all objects in the bucket. Permissions, lifecycle rules and notifications in the template
// use the same prefixes.
const (
	EndOfCallPrefix    = "eoc/"          // end-of-call reports as the provider sent them, without credentials
	AnalysisPrefix     = "analysis/"     // one analysis beside each end-of-call report that has one
	ReportsPrefix      = "reports/"      // weekly and monthly reports
	UnrecognisedPrefix = "unrecognised/" // messages of types that the webhook does not know
)

// Names of a report's objects, after ReportPrefix.
const (
	ReportHTMLName = "report.html"
	ReportCSVName  = "report.csv"
	ReportJSONName = "report.json" // written last: where it exists the report is complete
)

const dayPath = "2006/01/02"

// UndatedPrefix stands in place of the day in the keys of reports without a time.
const UndatedPrefix = "undated/"

// AssistantPrefixes returns the prefixes of the keys of an assistant's objects. The day follows, or UndatedPrefix.
func AssistantPrefixes(assistantID string) []string {
	made := ReportsPrefix + SafeKey(assistantID) + "/"
	return []string{EndOfCallPrefix + AssistantKey(assistantID) + "/", AnalysisPrefix + AssistantKey(assistantID) + "/",
		made + string(Weekly) + "/", made + string(Monthly) + "/"}
}

// EndOfCallKey returns the key of an end-of-call report. assistantID and callID are as sent; no text in them can lead
// out of EndOfCallPrefix. Without a call id the content's hash names the object: g- and 32 digits. A zero day is unknown.
func EndOfCallKey(assistantID, callID string, day time.Time, hash string) string {
	name := "g-" + hash[:32]
	if callID != "" {
		name = SafeKey(callID)
	}
	date := strings.TrimSuffix(UndatedPrefix, "/")
	if !day.IsZero() {
		date = day.UTC().Format(dayPath)
	}
	return EndOfCallPrefix + AssistantKey(assistantID) + "/" + date + "/" + name + ".json"
}

// IsHashNamed reports whether an end-of-call report lies under its hash because it named no call.
func IsHashNamed(endOfCallKey string) bool { return strings.Contains(endOfCallKey, "/g-") }

// ConflictKey returns the key beside an end-of-call report's key for another report about the same call. suffix is the
// beginning of the other content's hash, or all of it.
func ConflictKey(endOfCallKey, suffix string) string {
	return strings.TrimSuffix(endOfCallKey, ".json") + "~" + suffix + ".json"
}

// CallOfKey returns the assistant and the call, in SafeKey's form, that the key of an end-of-call report, an analysis or a
// transcript page names; both are empty if it is no such key. Two reports about one call name the same call.
func CallOfKey(key string) (assistantID, name string) {
	parts := strings.Split(key, "/")
	if len(parts) < 3 {
		return "", ""
	}
	base := path.Base(key)
	name, _, _ = strings.Cut(strings.TrimSuffix(base, path.Ext(base)), "~")
	return parts[1], name
}

// AnalysisKey returns the key of the analysis that belongs to an end-of-call report.
func AnalysisKey(endOfCallKey string) string {
	return AnalysisPrefix + strings.TrimPrefix(endOfCallKey, EndOfCallPrefix)
}

// UnrecognisedKey returns the key of a message of an unknown type that arrived on a day.
func UnrecognisedKey(messageType string, day time.Time, hash string) string {
	return UnrecognisedPrefix + SafeKey(messageType) + "/" + day.UTC().Format(dayPath) + "/" + hash[:32] + ".json"
}

// InvalidKey returns the key of an end-of-call report that arrived on a day and is not valid JSON.
func InvalidKey(day time.Time, hash string) string {
	return UnrecognisedPrefix + "invalid/" + day.UTC().Format(dayPath) + "/" + hash[:32] + ".txt"
}

// ReportPrefix returns the prefix of a report's objects, with a slash at its end.
func ReportPrefix(assistantID string, w Window) string {
	return ReportsPrefix + SafeKey(assistantID) + "/" + string(w.Period) + "/" + w.Name() + "/"
}

// ReportNumber returns the number of the report to which an object belongs: <assistant>/<period>/<end>, as in the object's
// key. It is empty for an object that belongs to no report.
func ReportNumber(objectKey string) string {
	rest, ok := strings.CutPrefix(objectKey, ReportsPrefix)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 4 {
		return ""
	}
	return strings.Join(parts[:3], "/")
}

// TranscriptKey returns the key of a call's transcript page beside a report.
func TranscriptKey(reportPrefix, callID string) string {
	return reportPrefix + "transcripts/" + SafeKey(callID) + ".html"
}
