package report

import (
	"testing"
)

func TestEndedReasonLabel(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"customer-ended-call", "Customer ended the call", "customer-ended-call"},
		{"Customer_Ended_Call", "Customer ended the call", "Customer_Ended_Call"},
		{"unknown", "Unknown", ""},
		{"", "Unknown", ""},
		{"some.new-reason_here", "Some new reason here", "some.new-reason_here"},
		{"busy", "The line was busy", "busy"},
		{"---", "---", ""},
	} {
		if words, raw := endedReasonLabel(c[0]); words != c[1] || raw != c[2] {
			t.Errorf("the label of %q is %q with %q, want %q with %q", c[0], words, raw, c[1], c[2])
		}
	}
}
