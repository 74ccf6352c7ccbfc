package rules_test

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An alarmMetric is a metric that an alarm watches.
type alarmMetric struct {
	namespace, name, statistic string
	dimensions                 []string // such as Stage or FunctionName
	ids                        []string // the resources that the dimensions name
}

// alarmMetrics returns the metrics of an alarm, which may be several in an expression.
func alarmMetrics(alarm tree) []alarmMetric {
	read := func(m tree, statistic string) alarmMetric {
		found := alarmMetric{namespace: m.text("Namespace"), name: m.text("MetricName"), statistic: statistic, ids: referencedIDs(m["Dimensions"])}
		for _, d := range m.trees("Dimensions") {
			found.dimensions = append(found.dimensions, d.text("Name"))
		}
		return found
	}
	if alarm["MetricName"] != nil {
		return []alarmMetric{read(alarm, alarm.text("Statistic")+alarm.text("ExtendedStatistic"))}
	}
	var all []alarmMetric
	for _, m := range alarm.trees("Metrics") {
		if stat := m.at("MetricStat"); len(stat) > 0 {
			all = append(all, read(stat.at("Metric"), stat.text("Stat")))
		}
	}
	return all
}

// countedMetrics returns our own metrics, each with the place that counts it: deployed code, or a metric filter of the template.
func countedMetrics(t *testing.T) map[string]string {
	t.Helper()
	counted := map[string]string{}
	for _, s := range allSources(t) {
		if s.isTest() || strings.HasPrefix(s.folder(), "shared/dev/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if _, name := calledName(n); strings.Contains(strings.ToLower(name), "count") || strings.Contains(strings.ToLower(name), "metric") {
					for _, argument := range n.Args {
						if metric := metricName(argument); metric != "" {
							counted[metric] = position(n)
						}
					}
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if strings.Contains(strings.ToLower(n.Names[i].Name), "metric") {
						if metric := metricName(value); metric != "" {
							counted[metric] = position(n)
						}
					}
				}
			}
			return true
		})
	}
	for id, filter := range sourceTemplate(t).ofType("AWS::Logs::MetricFilter") {
		for _, to := range filter.trees("MetricTransformations") {
			counted[to.text("MetricName")] = "template.yaml: " + id
		}
	}
	return counted
}

var camelCase = regexp.MustCompile(`^[A-Z][a-z]+(?:[A-Z][a-z]+)+$`)

// metricName returns the metric that a string literal names, or "".
func metricName(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	if name, err := strconv.Unquote(literal.Value); err == nil && camelCase.MatchString(name) {
		return name
	}
	return ""
}

// TestAlarms checks the form of every alarm, and that the errors of every function, every queue and every function URL have
// an alarm.
func TestAlarms(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	watched := map[string][]string{} // metric → the resources with an alarm
	for id, a := range template.ofType("AWS::CloudWatch::Alarm") {
		if a.text("TreatMissingData") != "notBreaching" || a["AlarmActions"] == nil || a.text("AlarmDescription") == "" {
			t.Errorf("%s: missing data, action or description", id)
		}
		metrics := alarmMetrics(a)
		if len(metrics) == 0 || len(metrics) > 10 {
			t.Errorf("%s takes %d metrics; an alarm takes ten", id, len(metrics)) // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
		}
		for _, m := range metrics {
			if m.namespace == "Aurora" && !slices.Contains([]string{"Stage", "Stage Code", "Stage Channel"}, strings.Join(m.dimensions, " ")) {
				t.Errorf("%s: no function writes %s with the dimensions %v", id, m.name, m.dimensions)
			}
			watched[m.name] = append(watched[m.name], m.ids...)
		}
	}
	want := func(id string, metrics ...string) {
		for _, metric := range metrics {
			if !slices.Contains(watched[metric], id) {
				t.Errorf("no alarm on %s of %s", metric, id)
			}
		}
	}
	for id, f := range template.ofType("AWS::Serverless::Function") {
		want(id, "Errors", "Throttles")
		if len(f.at("FunctionUrlConfig")) > 0 {
			want(id, "Url5xxCount")
		}
	}
	for id, q := range template.ofType("AWS::SQS::Queue") {
		want(id, "ApproximateNumberOfMessagesVisible")
		if q["RedrivePolicy"] != nil { // it has a consumer, which may hold messages or fail again and again
			want(id, "ApproximateNumberOfMessagesNotVisible", "ApproximateAgeOfOldestMessage")
		}
	}
	want("Stage", "5XXError")
}

// TestStuckQueueAlarms checks that the alarms on what is in a queue fire for one message that is retried, and not in the moment
// between two tries.
func TestStuckQueueAlarms(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	tries := map[string]float64{} // queue → seconds from the first try to the last
	for id, q := range template.ofType("AWS::SQS::Queue") {
		if q["RedrivePolicy"] != nil {
			tries[id] = q.number("VisibilityTimeout") * q.at("RedrivePolicy").number("maxReceiveCount")
		}
	}
	for id, a := range template.ofType("AWS::CloudWatch::Alarm") {
		if !strings.HasSuffix(id, "QueueStuck") {
			continue
		}
		metrics := alarmMetrics(a)
		queue := metrics[0].ids[0]
		for _, m := range metrics[:2] {
			if m.statistic != "Minimum" || !strings.HasPrefix(m.name, "ApproximateNumberOfMessages") {
				t.Errorf("%s: %s of %s; want the least number of messages in a period", id, m.statistic, m.name)
			}
		}
		if expression := a.trees("Metrics")[0].text("Expression"); !strings.Contains(expression, "visible + inflight") {
			t.Errorf("%s watches %s, not visible + inflight", id, expression)
		}
		seconds := a.number("EvaluationPeriods") * a.trees("Metrics")[1].at("MetricStat").number("Period")
		if seconds >= tries[queue] {
			t.Errorf("%s waits %v s; a message of %s is among the dead letters after %v s", id, seconds, queue, tries[queue])
		}
		delete(tries, queue)
	}
	for queue := range tries {
		t.Errorf("no alarm …Stuck for %s", queue)
	}
}

// TestMetricsHaveAnAlarmOrAReason checks that each of our own metrics has an alarm, which the table in configuration.md links to,
// or a reason in operations.md why it has none.
func TestMetricsHaveAnAlarmOrAReason(t *testing.T) {
	t.Parallel()
	alarms := map[string][]string{} // metric → alarms
	for id, a := range sourceTemplate(t).ofType("AWS::CloudWatch::Alarm") {
		for _, m := range alarmMetrics(a) {
			if m.namespace == "Aurora" {
				alarms[m.name] = append(alarms[m.name], id)
			}
		}
	}
	linked := map[string]string{} // metric → the cell with its alarm
	for _, row := range cells(document(t, "configuration.md").section(t, "Metrics"))[1:] {
		linked[strings.Trim(row[0], "`")] = row[len(row)-1]
	}
	reasons := map[string]bool{}
	for _, row := range cells(document(t, "operations.md").section(t, "Metrics without an alarm"))[1:] {
		reasons[strings.Trim(row[0], "`")] = true
	}
	counted := countedMetrics(t)
	for metric, where := range counted {
		if len(alarms[metric]) == 0 && !reasons[metric] {
			t.Errorf("%s counts %s, which has no alarm, and operations.md gives no reason", where, metric)
		}
		if len(alarms[metric]) > 0 && reasons[metric] {
			t.Errorf("operations.md says that %s has no alarm; it has %v", metric, alarms[metric])
		}
		for _, id := range alarms[metric] {
			if !strings.Contains(linked[metric], "["+id+"]") {
				t.Errorf("configuration.md does not link %s to its alarm %s", metric, id)
			}
		}
		if len(alarms[metric]) == 0 && !strings.HasPrefix(linked[metric], "[none]") {
			t.Errorf("configuration.md says that %s has the alarm %s", metric, linked[metric])
		}
	}
	for metric, ids := range alarms {
		if counted[metric] == "" {
			t.Errorf("%v use the metric %s, which nothing counts", ids, metric)
		}
	}
	if len(alarms) < 10 {
		t.Errorf("only alarms on %v were found", slices.Sorted(maps.Keys(alarms)))
	}
}

// TestMetricFilters checks that the metric filters read what the access log has.
func TestMetricFilters(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	var line map[string]string
	format := template.at("Resources", "Api", "Properties", "AccessLogSetting").text("Format")
	if err := json.Unmarshal([]byte(format), &line); err != nil {
		t.Fatalf("the access log is not JSON: %v", err)
	}
	if line["error"] != "$context.error.responseType" || line["stage"] != "$context.stage" {
		t.Errorf("the access log has error %q and stage %q, which the metric filters read", line["error"], line["stage"])
	}
	responses := template.at("Resources", "Api", "Properties", "GatewayResponses")
	filters := 0
	for id, f := range template.ofType("AWS::Logs::MetricFilter") {
		filters++
		for _, kind := range regexp.MustCompile(`\$\.error = "([A-Z_]+)"`).FindAllStringSubmatch(f.text("FilterPattern"), -1) {
			if responses[kind[1]] == nil {
				t.Errorf("%s looks for %s, which is no gateway response", id, kind[1])
			}
		}
		for _, to := range f.trees("MetricTransformations") {
			if d := to.trees("Dimensions"); to.text("MetricNamespace") != "Aurora" || len(d) != 1 || d[0].text("Key") != "Stage" || d[0].text("Value") != "$.stage" {
				t.Errorf("%s writes to %s with the dimensions %v", id, to.text("MetricNamespace"), d)
			}
		}
	}
	if filters == 0 {
		t.Error("no metric filter was found")
	}
}

// TestDashboardMetricsAreCounted checks that something counts every one of our own metrics on the dashboard, and that the
// dashboard has them all but for a few.
func TestDashboardMetricsAreCounted(t *testing.T) {
	t.Parallel()
	var board struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	body := sourceTemplate(t).at("Resources", "Dashboard", "Properties", "DashboardBody").text("Fn::Sub")
	if err := json.Unmarshal([]byte(body), &board); err != nil {
		t.Fatalf("the dashboard is not JSON: %v", err)
	}
	shown, counted := map[string]bool{}, countedMetrics(t)
	for _, widget := range board.Widgets {
		namespace := any("")
		for _, line := range widget.Properties.Metrics {
			if line[0] != "." && line[0] != "..." {
				namespace = line[0]
			}
			if namespace != "Aurora" {
				continue
			}
			name, _ := line[1].(string)
			if shown[name] = true; counted[name] == "" {
				t.Errorf("the dashboard shows %s, which nothing counts", name)
			}
		}
	}
	for metric := range counted {
		if !shown[metric] && metric != "NarrativeFailed" {
			t.Errorf("the dashboard does not show %s", metric)
		}
	}
}

// TestAlarmsOfFaults checks the alarm of each failure that is answered politely. The functions' tests of the same faults check
// that its metric is counted.
func TestAlarmsOfFaults(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	check := func(name, id, metric, code, resource string) {
		t.Run(name, func(t *testing.T) {
			alarm := template.at("Resources", id, "Properties")
			metrics := alarmMetrics(alarm)
			if len(metrics) != 1 || metrics[0].name != metric || !slices.Contains(metrics[0].ids, resource) {
				t.Fatalf("%s watches %v, want %s of %s", id, metrics, metric, resource)
			}
			text, _ := json.Marshal(alarm["Dimensions"])
			if strings.Contains(string(text), `"Code"`) != (code != "") || !strings.Contains(string(text), code) {
				t.Errorf("%s has the dimensions %s, want the code %q", id, text, code)
			}
		})
	}
	check("fault 69: the fallback message is spoken", "FallbackSpokenAlarm", "FallbackSpoken", "", "Stage")
	check("fault 70: an error is spoken", "ErrorAnsweredAlarm", "ErrorAnswered", "", "Stage")
	check("fault 70: 503", "RequestFailedAlarm", "RequestFailed", "", "Stage")
	check("fault 71: the credentials are rejected", "TelephoneAuthAlarm", "RequestFailed", "telephone_auth", "Stage")
	for id, f := range template.ofType("AWS::Serverless::Function") {
		if name := strings.TrimSuffix(id, "Function"); len(f.at("FunctionUrlConfig")) > 0 {
			check("fault 72: the URL of "+name, name+"Url5xx", "Url5xxCount", "", id)
		}
	}
}
