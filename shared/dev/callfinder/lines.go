package callfinder

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/text"
)

// Line is one line of a log.
type Line struct {
	Time   time.Time
	Source string // the name of the log: a function, or api for the gateway's access log
	Fields map[string]any
}

// ParseLine reads a line of a log: a JSON object of the function, or a message of the platform about a request. It is not ok for any
// other line.
func ParseLine(source, raw string, at time.Time) (l Line, ok bool) {
	l = Line{Time: at, Source: source}
	if rest, isPlatform := strings.CutPrefix(raw, "platform "); isPlatform { // make run writes it
		id, message, _ := strings.Cut(rest, " ")
		l.Fields = map[string]any{"requestId": id, "event": "platform", "msg": message}
		return l, true
	}
	if json.Unmarshal([]byte(raw), &l.Fields) != nil || l.Fields == nil {
		return l, false
	}
	if t, err := time.Parse(time.RFC3339Nano, l.text("time")); err == nil {
		l.Time = t
	}
	if meta, isMetric := l.Fields["_aws"].(map[string]any); isMetric {
		if ms, isNumber := meta["Timestamp"].(float64); isNumber {
			l.Time = time.UnixMilli(int64(ms))
		}
		delete(l.Fields, "_aws")
		l.Fields["event"] = "metric"
	}
	if id := l.text("integrationRequestId"); id != "" { // the gateway's own id is one that callers can choose
		l.Fields["gatewayRequestId"], l.Fields["requestId"], l.Fields["event"] = l.text("requestId"), id, "access"
	}
	return l, true
}

func (l Line) text(name string) string {
	s, _ := l.Fields[name].(string)
	return s
}

// callIDs returns the ids of the call that a line names.
func (l Line) callIDs() []string {
	ids := strings.Fields(l.text(logfields.OtherIDs))
	for _, name := range []string{logfields.CallID, logfields.CallSID, logfields.RecordID} {
		if id := l.text(name); id != "" {
			ids = append(ids, id)
		}
	}
	if record, ok := l.Fields["record"].(map[string]any); ok {
		for _, name := range []string{"id", "sid"} {
			if id, _ := record[name].(string); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return redact.Text(id) != id || strings.Contains(id, "*") }) // masked ids may be equal
}

// leadsTo reports whether an id is one by which a line leads to its call.
func (l Line) leadsTo(id string) bool {
	for _, name := range []string{"requestId", logfields.GatewayRequestID, "completionId", "messageSid", "messageId", "key"} {
		if l.text(name) == id {
			return true
		}
	}
	return slices.Contains(l.callIDs(), id)
}

// readLogs reads the lines with ids that were not searched for yet.
func (s *search) readLogs(ctx context.Context) error {
	wanted := map[string]bool{s.id: true}
	for _, c := range s.calls {
		maps.Copy(wanted, c.ids)
		maps.Copy(wanted, c.requests)
	}
	for _, l := range s.lines {
		if id := l.text("requestId"); id != "" && l.leadsTo(s.id) {
			wanted[id] = true
		}
	}
	var texts []string
	for id := range wanted {
		if !s.texts[id] {
			s.texts[id] = true
			texts = append(texts, id)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	slices.Sort(texts)
	lines, err := s.Logs.Lines(ctx, texts)
	s.lines = append(s.lines, lines...)
	return err
}

// request is the lines of one request.
type request struct {
	id    string
	lines []Line
}

// requests returns the lines by request. Lines without a request are left out.
func (s *search) requests() []request {
	var all []request
	places := map[string]int{}
	for _, l := range s.lines {
		id := l.text("requestId")
		if id == "" {
			continue
		}
		at, ok := places[id]
		if !ok {
			at = len(all)
			places[id] = at
			all = append(all, request{id: id})
		}
		all[at].lines = append(all[at].lines, l)
	}
	for _, r := range all {
		slices.SortStableFunc(r.lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	}
	return all
}

// owner returns the assistant of the line's call: the one that the request's last line about this call names. A line in the middle
// may name another assistant, such as one that the call is handed over to.
func (r request) owner(ids []string) string {
	owner := ""
	for _, l := range r.lines {
		if id := l.text(logfields.AssistantID); id != "" && slices.ContainsFunc(l.callIDs(), func(id string) bool { return slices.Contains(ids, id) }) {
			owner = id
		}
	}
	return owner
}

// joinLines adds the ids and the requests that lines lead to.
func (s *search) joinLines() {
	for _, r := range s.requests() {
		leads := slices.ContainsFunc(r.lines, func(l Line) bool { return l.leadsTo(s.id) })
		single := r.isAboutOne()
		if leads && !slices.ContainsFunc(r.lines, func(l Line) bool { return len(l.callIDs()) > 0 }) {
			s.call(r.lines[len(r.lines)-1].text(logfields.AssistantID)).requests[r.id] = true // such as a chat without a call's id
		}
		for _, l := range r.lines {
			ids := l.callIDs()
			if len(ids) == 0 {
				continue
			}
			owner := r.owner(ids)
			if s.isNamed(owner, ids) || leads && single || l.leadsTo(s.id) {
				s.call(owner).addIDs(ids...)
				if single {
					s.call(owner).requests[r.id] = true
				}
			}
		}
	}
}

// isAboutOne reports whether all lines of a request that name a call name the same one.
func (r request) isAboutOne() bool {
	var ids []string
	for _, l := range r.lines {
		of := l.callIDs()
		if len(of) == 0 {
			continue
		}
		if len(ids) > 0 && !slices.ContainsFunc(of, func(id string) bool { return slices.Contains(ids, id) }) {
			return false
		}
		ids = append(ids, of...)
	}
	return true
}

// addLines adds the lines of a call to its history.
func (s *search) addLines(c *Call) {
	for _, r := range s.requests() {
		whole := c.requests[r.id] && r.isAboutOne() // only now all lines of the request are known
		for _, l := range r.lines {
			ids := l.callIDs()
			own := slices.ContainsFunc(ids, func(id string) bool { return c.ids[id] }) && (r.owner(ids) == c.AssistantID || whole)
			if own || len(ids) == 0 && whole {
				c.add(l.entry())
			}
		}
	}
}

// maxDetail limits the fields of a line, in characters.
const maxDetail = 600

// hiddenFields are shown elsewhere in an entry, or are the same in all of them.
var hiddenFields = map[string]bool{"trace": true, "time": true, "level": true, "event": true, "msg": true, "callId": true, "callSid": true, "otherIds": true, "recordId": true,
	"assistantId": true, "traceId": true, "function": true, "Stage": true, "ip": true, "gatewayRequestId": true}

// entry returns a line as an entry.
func (l Line) entry() Entry {
	var parts []string
	if level := l.text("level"); level != "" && level != "INFO" {
		parts = append(parts, level)
	}
	if message := l.text("msg"); message != "" && l.text("event") != "turn.ended" {
		parts = append(parts, redact.Text(message)+";")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		value := l.Fields[name]
		if hiddenFields[name] || value == nil || value == "" {
			continue
		}
		shown, isText := value.(string)
		if !isText {
			b, _ := json.Marshal(value) // from JSON: cannot fail
			shown = string(b)
		}
		parts = append(parts, name+"="+redact.Text(shown))
	}
	return Entry{Time: l.Time, Source: l.Source, What: l.text("event"), Detail: text.Clip(strings.Join(parts, " "), maxDetail)}
}
