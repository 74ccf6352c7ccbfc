package chat

import (
	_ "embed"
	"strconv"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// What a model is told of the channel it speaks through.
var (
	//go:embed styles/voice.md
	voiceStyle string
	//go:embed styles/sms.md
	smsStyle string
	//go:embed styles/chat.md
	webStyle string
)

// addChannelStyle adds to an assistant's prompt what its channel asks for.
func addChannelStyle(prompt string, a aurora.Assistant, c Channel) string {
	add := ""
	switch c {
	case Voice:
		add = voiceStyle
	case SMS:
		add = strings.ReplaceAll(smsStyle, "{{ limit }}", strconv.Itoa(a.SMSLimit()))
	case Web:
		add = webStyle
	}
	if add == "" {
		return prompt
	}
	return strings.TrimSpace(prompt + "\n\n" + add)
}
