package script

import "example.com/aurora/shared/core/aurora"

// Connect returns the plan that connects a call with an assistant, after the notice of a recording. session has the address,
// the token and the greeting. Without publicURL, where the provider can ask for what follows, the call is not recorded and
// ends with the session.
func Connect(a aurora.Assistant, session aurora.RelaySession, publicURL string) aurora.CallPlan {
	session.Assistant = a
	p := aurora.CallPlan{Language: a.Language, Relay: &session}
	if publicURL == "" {
		return p
	}
	session.AfterURL = publicURL + aurora.VoiceAfterPath
	if a.Recording.Enabled {
		p.Say, p.RecordingURL = Notice(a), publicURL+aurora.VoiceStatusPath
	}
	return p
}
