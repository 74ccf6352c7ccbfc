package aurora

// KeyShare is what one API key may use of the deployment's daily limits for text messages and for the spend. A nil limit
// means the share that the deployment gives each key.
type KeyShare struct {
	Account                           string // the name under which the key's use is counted; "" counts nothing
	TextsPerDay, TextsToCountryPerDay *int64
	SpendPerDay                       *MicroUSD // of calls and text messages
}
