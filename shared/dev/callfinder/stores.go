package callfinder

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/redact"
)

// The beginnings of keys in the ledger, as package dynamo and the runner of effects write them.
const (
	aliasPrefix  = "call#"
	recordPrefix = "placed#"
	phonePrefix  = "phone#"
	erasedPrefix = "erased#"
)

// joinLedger adds the ids that records of ids and of outbound calls lead to.
func (s *search) joinLedger() {
	aliases := map[string]aurora.StoredItem{}
	for _, item := range s.ledger {
		key := item.Text("key")
		if name, ok := strings.CutPrefix(key, aliasPrefix); ok {
			aliases[name] = item
		}
		if call, ok := phoneCall(item); ok && s.isNamed(call.AssistantID, []string{call.SID, call.RecordID}) {
			s.call(call.AssistantID).addIDs(call.SID, call.RecordID)
		}
		if id, ok := strings.CutPrefix(key, recordPrefix); ok && item.Text("state") != "" {
			if ids := []string{id, item.Text("sid")}; s.isNamed(item.Text("assistantId"), ids) {
				s.call(item.Text("assistantId")).addIDs(ids...)
			}
		}
	}
	for name := range aliases {
		owners, tree := ownersOf(aliases, name)
		for _, owner := range owners {
			if s.isNamed(owner, []string{name}) || s.isOwnAlias(owner, name) {
				s.call(owner).addIDs(tree...)
				if name == aurora.OwnAlias(aurora.SafeKey(s.id), owner) {
					s.call(owner).addIDs(s.id)
				}
			}
		}
	}
}

// isOwnAlias reports whether a name stands for an id of an assistant's call that is also a call's of another assistant.
func (s *search) isOwnAlias(owner, name string) bool {
	c := s.calls[ownerOf(owner)]
	return name == aurora.OwnAlias(aurora.SafeKey(s.id), owner) || name == aurora.SafeKey(s.id) || c != nil && c.names()[name]
}

// ownersOf returns the assistants of the tree of an id, and the names from the id to the tree's root.
func ownersOf(aliases map[string]aurora.StoredItem, name string) (owners, tree []string) {
	for range len(aliases) + 1 {
		item, ok := aliases[name]
		if !ok {
			return nil, tree
		}
		tree = append(tree, name)
		if places, _ := item["places"].([]any); len(places) > 0 && item.Text("parent") == "" {
			for _, place := range places {
				partition, _ := place.(string)
				if id := aurora.ParseCallKey(partition, name).AssistantID; id != aurora.NoAssistant || len(places) == 1 {
					owners = append(owners, id)
				}
			}
			return owners, tree
		}
		name = item.Text("parent")
	}
	return nil, tree
}

// joinRows adds the ids that the rows of calls have.
func (s *search) joinRows() {
	for _, row := range s.rows {
		at := aurora.ParseCallKey(row.Text("assistantDay"), row.Text("callId"))
		if s.isNamed(at.AssistantID, []string{at.CallID, row.Text("id")}) {
			s.call(at.AssistantID).addIDs(at.CallID, row.Text("id"))
		}
	}
}

// joinReports adds the ids that the reports of the calls have. Without any call, the whole bucket is searched for one by its name.
func (s *search) joinReports(ctx context.Context) error {
	prefixes := map[string]bool{aurora.EndOfCallPrefix: true}
	if len(s.calls) > 0 {
		prefixes = map[string]bool{aurora.EndOfCallPrefix + aurora.NoAssistant + "/": true}
		for _, c := range s.calls {
			prefixes[aurora.EndOfCallPrefix+c.key()+"/"] = true
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		keys, err := s.list(ctx, prefix)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := s.joinReport(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// joinReport adds the ids of a report, if its key names one of the calls.
func (s *search) joinReport(ctx context.Context, key string) error {
	assistantID, name := aurora.CallOfKey(key)
	c := s.calls[ownerOf(assistantID)]
	if name != aurora.SafeKey(s.id) && (c == nil || !c.names()[name]) {
		return nil
	}
	body, _, err := s.Bucket.Read(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	found := s.call(assistantID)
	found.addIDs(name)
	if m, err := providermsg.ParseMessage(body); err == nil {
		found.addIDs(m.EndOfCall().IDs...)
	}
	return nil
}

// addLedger adds the items of a call to its history.
func (s *search) addLedger(c *Call) {
	names := c.names()
	for _, item := range s.ledger {
		key := item.Text("key")
		prefix, rest, _ := strings.Cut(key, "#")
		parts := strings.Split(rest, "#")
		switch {
		case prefix+"#" == aliasPrefix && names[rest]:
			if owners := item["places"]; owners == nil || item.Text("parent") != "" || strings.Contains(fmt.Sprint(owners), c.key()+"#") {
				c.add(Entry{Time: millis(item["created"]), Source: "ledger", What: "id of the call", Detail: details(item, "key", "parent", "places")})
			}
		case prefix+"#" == recordPrefix && c.ids[rest] && item.Text("state") != "" && item.Text("assistantId") == c.AssistantID:
			c.add(Entry{Time: millis(item["created"]), Source: "ledger", What: "outbound call", Detail: details(item, "key", "state", "status", "sid", "code", "to", "answeredBy", "keyName")})
		case prefix+"#" == phonePrefix && c.ids[rest]:
			if call, ok := phoneCall(item); ok && call.AssistantID == c.AssistantID {
				c.add(Entry{Time: call.CreatedAt, Source: "ledger", What: "state of the phone call", Detail: phoneDetail(call)})
			}
		case prefix+"#" == erasedPrefix && s.isErased(c, rest):
			c.add(Entry{Time: seconds(item["at"]), Source: "ledger", What: "erased", Detail: details(item, "finished")})
		case len(parts) > 2 && parts[0] == c.key() && names[parts[1]]:
			what := map[string]string{"session": "session", "once": "tool result"}[prefix]
			if what != "" {
				c.add(Entry{Source: "ledger", What: what, Detail: details(item, "agent", "state")})
			}
		case prefix == "idem" && c.ids[item.Text("record")]:
			c.add(Entry{Source: "ledger", What: "idempotency key", Detail: details(item, "record")})
		}
	}
}

func (s *search) isErased(c *Call, hash string) bool {
	for name := range c.names() {
		if hash == aurora.ErasedCall(c.key(), name) {
			return true
		}
	}
	return false
}

// addRows adds the rows of a call to its history.
func (s *search) addRows(c *Call) {
	for _, row := range s.rows {
		at := aurora.ParseCallKey(row.Text("assistantDay"), row.Text("callId"))
		if at.AssistantID != c.key() || !c.names()[at.CallID] {
			continue
		}
		c.add(Entry{Time: endOf(row), Source: "calls table", What: "row of the call", Detail: details(row, "assistantDay", "callId", "class", "outcome", "endedReason", "direction",
			"customer", "seconds", "cost", "answeredBy", "analysisModel", "analysisNote", "key", "revision")})
	}
}

// endOf returns when the call of a row was: at its end, else its start or the time of its report.
func endOf(row aurora.StoredItem) time.Time {
	for _, name := range []string{"endedAt", "startedAt", "reportedAt"} {
		if t, err := time.Parse(time.RFC3339Nano, row.Text(name)); err == nil {
			return t
		}
	}
	return time.Time{}
}

// addObjects adds the objects of a call to its history: reports, analyses, and the made reports whose window has it, with the log
// lines about those.
func (s *search) addObjects(ctx context.Context, c *Call) error {
	assistants := []string{c.key()}
	if len(s.calls) == 1 && c.AssistantID != "" { // a report that names no assistant lies apart
		assistants = append(assistants, aurora.NoAssistant)
	}
	var made []string
	for _, assistantID := range assistants {
		for prefix, what := range map[string]string{aurora.EndOfCallPrefix: "end-of-call report", aurora.AnalysisPrefix: "analysis", aurora.ReportsPrefix: "page of a made report"} {
			keys, err := s.list(ctx, prefix+assistantID+"/")
			if err != nil {
				return err
			}
			for _, key := range keys {
				isMade, err := s.addObject(ctx, c, key, what)
				if err != nil {
					return err
				}
				if isMade {
					made = append(made, strings.TrimSuffix(key, aurora.ReportJSONName))
				}
			}
		}
	}
	return s.addReportLines(ctx, c, made)
}

// addObject adds an object to a call's history if it is the call's. isMade says that it is a made report.
func (s *search) addObject(ctx context.Context, c *Call, key, what string) (isMade bool, err error) {
	_, name := aurora.CallOfKey(key)
	isMade = strings.HasPrefix(key, aurora.ReportsPrefix) && strings.HasSuffix(key, "/"+aurora.ReportJSONName)
	if !isMade && !c.names()[name] {
		return false, nil
	}
	body, written, err := s.Bucket.Read(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if isMade {
		if what = "made report"; !s.isIn(c, body) {
			return false, nil
		}
	}
	c.add(Entry{Time: written, Source: "bucket", What: what, Detail: fmt.Sprintf("key=%s bytes=%d", key, len(body))})
	return isMade, nil
}

// addReportLines adds the log lines about made reports: that each was made, and mailed.
func (s *search) addReportLines(ctx context.Context, c *Call, prefixes []string) error {
	if len(prefixes) == 0 {
		return nil
	}
	lines, err := s.Logs.Lines(ctx, prefixes)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if slices.Contains(prefixes, l.text("prefix")) && len(l.callIDs()) == 0 {
			c.add(l.entry())
		}
	}
	return nil
}

// isIn reports whether a row of the call is in the window of a made report.
func (s *search) isIn(c *Call, report []byte) bool {
	var made aurora.Report
	if json.Unmarshal(report, &made) != nil {
		return false
	}
	return slices.ContainsFunc(s.rows, func(row aurora.StoredItem) bool {
		at, when := aurora.ParseCallKey(row.Text("assistantDay"), row.Text("callId")), endOf(row)
		return at.AssistantID == c.key() && c.names()[at.CallID] && !when.Before(made.From) && when.Before(made.Until)
	})
}

// details returns fields of an item that are set, with masked numbers.
func details(item aurora.StoredItem, names ...string) string {
	var parts []string
	for _, name := range names {
		if v := item[name]; v != nil && v != "" {
			parts = append(parts, name+"="+redact.Text(fmt.Sprint(v)))
		}
	}
	return strings.Join(parts, " ")
}

// phoneCall returns the state of a phone call. It is not ok for any other item.
func phoneCall(item aurora.StoredItem) (c aurora.PhoneCall, ok bool) {
	return c, strings.HasPrefix(item.Text("key"), phonePrefix) && json.Unmarshal([]byte(item.Text("state")), &c) == nil
}

// phoneDetail says how far a phone call is, without its words and numbers.
func phoneDetail(c aurora.PhoneCall) string {
	report := "none"
	if c.Report != nil {
		report = map[bool]string{true: "stored", false: "begun"}[c.Report.Stored]
	}
	return fmt.Sprintf("key=%s%s generation=%d open=%v interrupts=%d drops=%d resumes=%d sessionStatus=%s status=%s errorCode=%s report=%s", phonePrefix, c.SID, c.Generation,
		c.ConnectionID != "", c.Interrupts, c.Drops, c.Resumes, c.End.SessionStatus, c.End.Status, c.End.ErrorCode, report)
}

func millis(v any) time.Time {
	n, _ := v.(json.Number)
	ms, err := n.Int64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func seconds(v any) time.Time {
	n, _ := v.(json.Number)
	s, err := n.Int64()
	if err != nil {
		return time.Time{}
	}
	return time.Unix(s, 0)
}
