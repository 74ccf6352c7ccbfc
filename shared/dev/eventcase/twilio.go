package eventcase

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
)

// twilio says how a form is signed.
type twilio struct {
	Token   string `yaml:"token"`
	Address string `yaml:"address"` // by default the address of the event
}

// sign returns the value of X-Twilio-Signature: https://www.twilio.com/docs/usage/security#validating-requests
func (c *Case) sign() (string, error) {
	address := c.Twilio.Address
	if address == "" {
		_, queries := c.queries()
		address = "https://" + domain + "/" + stage + string(c.Path)
		if len(queries) > 0 {
			address += "?" + url.Values(queries).Encode()
		}
	}
	form := resolve(&c.Form)
	fields := map[string]string{}
	for i := 0; i < len(form.Content); i += 2 {
		value, err := Text(form.Content[i+1])
		if err != nil {
			return "", err
		}
		fields[form.Content[i].Value] = value
	}
	mac := hmac.New(sha1.New, []byte(c.Twilio.Token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		mac.Write([]byte(name + fields[name]))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
