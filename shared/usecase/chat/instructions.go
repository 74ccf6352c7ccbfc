package chat

import (
	"context"
	_ "embed"
	"maps"
	"strconv"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/liquid"
	"example.com/aurora/shared/core/script"
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
	maps.Copy(vars, session.ContextVariables)
	facts := script.Facts{CallID: session.ID, CallerNumber: session.CallerPhoneNumber, CustomerNumber: string(r.Customer.Number), CustomerName: string(r.Customer.Name),
		Outbound: aurora.FindOutboundContext(ctx, s.Outbound, calledID, session.outboundCallIDs()...), Now: s.Now}
	maps.Copy(vars, script.Variables(a, facts)) // our own variables come last: a caller's variable of the same name has no effect
	prompt := script.Render(ctx, string(a.AssistantPrompt), vars, a.Location(), s.Now)
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
