package rules_test

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestSchedules checks that each schedule fires in every hour that is 08:00 of its day in some time zone, passes the
// hour, has a dead-letter queue, and has no explicit name, which would collide with another stage's.
func TestSchedules(t *testing.T) {
	t.Parallel()
	f := sourceTemplate(t).at("Resources", "ReportScheduleFunction", "Properties")
	fires := map[string]string{"weekly": "cron(0 * ? * SUN-MON *)", "monthly": "cron(0 * 1,28-31 * ? *)"}
	for name := range f.at("Events") {
		event := f.at("Events", name, "Properties")
		var input struct{ Period, At string }
		if err := json.Unmarshal([]byte(event.text("Input")), &input); err != nil || input.At != "<aws.scheduler.scheduled-time>" {
			t.Errorf("%s: %v in %s", name, err, event.text("Input"))
		}
		if event.text("ScheduleExpression") != fires[input.Period] || event.text("ScheduleExpressionTimezone") != "UTC" || event.text("OmitName") != "true" ||
			f.at("Events", name).text("Type") != "ScheduleV2" || event.at("RetryPolicy").number("MaximumRetryAttempts") < 1 || len(referencedIDs(event["DeadLetterConfig"])) != 1 {
			t.Errorf("%s: %v", name, event)
		}
		delete(fires, input.Period)
	}
	invoke := f.at("EventInvokeConfig")
	if len(fires) > 0 || invoke.number("MaximumRetryAttempts") < 1 || len(referencedIDs(invoke.at("DestinationConfig", "OnFailure")["Destination"])) != 1 {
		t.Errorf("schedules without an event: %v; EventInvokeConfig must retry and have a dead-letter queue: %v", fires, invoke)
	}
}

// TestReportFunctionsAreAlike checks that the two functions that make reports have the same settings and memory size.
func TestReportFunctionsAreAlike(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	a, b := template.at("Resources", "AuroraReportFunction", "Properties"), template.at("Resources", "ReportWorkerFunction", "Properties")
	if !reflect.DeepEqual(a["Environment"], b["Environment"]) || a.number("MemorySize") != b.number("MemorySize") {
		t.Errorf("AuroraReportFunction has %v and ReportWorkerFunction %v; they must be equal", a["Environment"], b["Environment"])
	}
}
