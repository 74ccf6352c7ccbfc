package personaldata

import (
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// Apply returns a voice provider's message as an assistant lets it be stored. Applied again it changes nothing.
func Apply(a aurora.Assistant, body []byte) ([]byte, error) {
	switch {
	case a.Storage.IsEverything():
		return body, nil
	case a.Storage != aurora.StoreFigures:
		return Message(body, a.BusinessNumbers())
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return nil, err
	}
	return m.Figures()
}
