package optout

import "testing"

func TestRead(t *testing.T) {
	for message, want := range map[string]Request{
		"STOP": Stop, " stop.\n": Stop, "Unsubscribe": Stop, "STOPALL": Stop, "stop all": Stop, "REVOKE": Stop, "optout": Stop, "OPT-OUT": Stop, "END": Stop, "Quit!": Stop, "cancel": Stop,
		"ARRÊT": Stop, "Arre\u0302t": Stop, "ＳＴＯＰ": Stop, "\u200estop\u202c": Stop, "Please stop": Stop, "don’t text me": Stop,
		"stop by at 5": None, "Cancel my appointment": None, "the end": None, "When does it stop?": None,
		"START": Start, "unstop": Start, "opt in": Start, "Start please": Start, "yes": None, "start over": None,
		"HELP": Help, "info": Help, " Help! ": Help, "help me": None, "I need info": None,
		"": None, "👍": None, "please": None,
	} {
		if got := Read(message); got != want {
			t.Errorf("%q asks for %q, want %q", message, got, want)
		}
	}
}

// Twilio acts on single words only, and not on those of other languages.
func TestByTwilio(t *testing.T) {
	for message, want := range map[string]Request{
		"STOP": Stop, "stop ": Stop, "StopAll": Stop, "unsubscribe": Stop, "CANCEL": Stop, "End": Stop, "QUIT": Stop, "revoke": Stop, "OptOut": Stop,
		"Start": Start, "YES": Start, "unstop": Start, "HELP": Help, "Info": Help,
		"please stop": None, "stop stop": None, "opt out": None, "arret": None, "subscribe": None, "yes please": None, "": None,
	} {
		if got := ByTwilio(message); got != want {
			t.Errorf("Twilio acts on %q as %q, want %q", message, got, want)
		}
	}
}
