package chat

import (
	"context"
	_ "embed"
	"strconv"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/liquid"
)

// The style that is added to the prompt of each channel.
var (
	//go:embed styles/voice.md
	voiceStyle string
	//go:embed styles/sms.md
	smsStyle string
	//go:embed styles/chat.md
	webStyle string
)

// renderInstructions returns the assistant's prompt with its variables filled in, and the style of the channel. calledID is the
// assistant that was called: an outbound call of ours is known to it, and to those that it hands over to.
func (s *Service) renderInstructions(ctx context.Context, a aurora.Assistant, calledID string, r Request, session Session) string {
	vars := map[string]any{}
	for k, v := range session.ContextVariables {
		vars[k] = v
	}
	// Our own variables come last: a caller's variable of the same name has no effect.
	if c := aurora.FindOutboundContext(ctx, s.Outbound, calledID, session.outboundCallIDs()...); c != nil {
		vars["outbound_call"] = map[string]any{"phone_number": string(c.PhoneNumber), "name": c.Name, "email": c.Email, "info": c.Info}
	}
	vars["caller_phone_number"] = knownNumber(session.CallerPhoneNumber)
	vars["call_id"] = session.ID
	vars["assistant_id"] = a.ID()
	vars["assistant_name"] = string(a.AssistantName)
	vars["assistant_phone_number"] = string(a.AssistantPhoneNumber)
	vars["org_name"] = string(a.OrgName)
	vars["time_zone"] = a.Location().String()
	vars["now"] = s.Now().In(a.Location())
	vars["customer"] = map[string]any{"number": knownNumber(string(r.Customer.Number)), "name": string(r.Customer.Name)}
	prompt := renderPrompt(ctx, string(a.AssistantPrompt), vars, a.Location(), s.Now)
	return addChannelStyle(prompt, a, r.Channel)
}

func addChannelStyle(prompt string, a aurora.Assistant, c Channel) string {
	style := ""
	switch c {
	case Voice, Phone:
		style = voiceStyle
	case SMS:
		style = strings.ReplaceAll(smsStyle, "{{ limit }}", strconv.Itoa(a.SMSLimit()))
	case Web:
		style = webStyle
	}
	if style == "" {
		return prompt
	}
	// A template may read differently in every turn. What stays the same comes first: model servers cache the beginning.
	if liquid.HasMarkup(string(a.AssistantPrompt)) {
		return strings.TrimSpace(strings.TrimSpace(style) + "\n\n" + prompt)
	}
	return strings.TrimSpace(prompt + "\n\n" + style)
}

// knownNumber returns a caller's number as it was sent, or "" if the caller withholds it.
func knownNumber(s string) string {
	if aurora.IsWithheld(s) {
		return ""
	}
	return s
}
