package personaldata

import "strings"

var removeSeparators = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

// memberName is what the name of a member says about its value.
type memberName struct {
	key       string // in lower case, without separators
	kind      Kind   // the whole value is personal
	person    bool   // an object is about a person
	recording bool   // addresses in it lead to a recording
	data      bool   // what was said or entered stands in it
	id        bool
	figure    bool // plain digits are no telephone number
}

// kindNames are names of values that are personal as a whole.
var kindNames = func() map[string]Kind {
	names := map[string]Kind{}
	for kind, list := range map[Kind]string{
		Phone: `phone phonenumber phonenumbers phoneno mobile mobilephone mobilenumber cell cellphone cellnumber tel telephone telephonenumber
			fax faxnumber whatsapp whatsappnumber msisdn callback callbacknumber callbackphone callerid ani`,
		Mail: "email emails emailaddress emailaddresses mail mailaddress",
		NationalID: `ssn socialsecurity socialsecuritynumber nationalid nationalidnumber nationalnumber nationalinsurancenumber nino cnp dni nie nif nir
			pesel codicefiscale steuerid taxid taxnumber taxpayerid personalcode personalid personalnumber personnummer idnumber identitynumber
			idcard idcardnumber passport passportnumber passportno driverslicense driverlicense driverslicensenumber driverlicensenumber bsn cpf
			curp sin aadhaar nhsnumber medicarenumber healthinsurancenumber`,
		Card: "cardnumber creditcard creditcardnumber debitcard debitcardnumber paymentcard pan cvv cvv2 cvc cvc2 cardcode cardsecuritycode",
		IBAN: "iban accountnumber bankaccount bankaccountnumber routingnumber sortcode",
		Removed: `firstname lastname fullname surname familyname givenname middlename customername callername contactname patientname guestname
			clientname cardholder cardholdername nameoncard dateofbirth dob birthdate birthday address streetaddress homeaddress deliveryaddress
			billingaddress shippingaddress postaladdress street postalcode postcode zipcode`,
	} {
		for name := range strings.FieldsSeq(list) {
			names[name] = kind
		}
	}
	return names
}()

// owners may stand before the name of a value: customerPhone, callerEmailAddress.
var owners = []string{"customer", "caller", "contact", "client", "user", "patient", "guest", "lead", "person", "home", "work", "alternate", "primary", "their"}

var (
	personNames = wordSet("customer contact caller patient guest client recipient lead person cardholder")
	dataNames   = wordSet(`structureddata structureddatamulti structuredoutputs arguments parameters result results variables variablevalues
		contextvariables metadata customer contact fields form extracted data`)
	recordingWords = []string{"log", "pcap", "video", "audio", "stereo", "mono", "combined", "screenshot", "listen", "control", "monitor", "transcript", "artifact"}
)

// maxFigureWord is the length of the longest of figureWords.
var maxFigureWord = func() int {
	longest := 0
	for word := range figureWords {
		longest = max(longest, len(word))
	}
	return longest
}()

// parseName returns what a name says.
func parseName(name string) memberName {
	key := removeSeparators.Replace(strings.ToLower(name))
	m := memberName{key: key, kind: kindNames[key], person: personNames[key], data: dataNames[key]}
	for _, owner := range owners {
		if rest, ok := strings.CutPrefix(key, owner); ok && m.kind == "" {
			if m.kind = kindNames[rest]; m.kind == "" && rest == "number" {
				m.kind = Phone
			}
		}
	}
	m.recording = strings.Contains(key, "recording") || strings.HasPrefix(key, "presigned")
	if strings.HasSuffix(key, "url") || strings.HasSuffix(key, "uri") || strings.HasSuffix(key, "urls") {
		for _, word := range recordingWords {
			m.recording = m.recording || strings.Contains(key, word)
		}
	}
	for _, end := range []string{"Id", "ID", "Ids", "IDs", "_id", "-id", "_ids", "Sid", "SID", "_sid", "sid", "uuid"} {
		m.id = m.id || strings.HasSuffix(name, end)
	}
	m.id = m.id || key == "id" || key == "ids"
	m.figure = m.id
	for _, end := range []string{"at", "time", "timestamp", "date", "ms", "seconds", "minutes", "duration", "cost", "price", "amount", "total", "count", "tokens"} {
		m.figure = m.figure || strings.HasSuffix(key, end)
	}
	for end := min(len(key), maxFigureWord); end > 0 && !m.figure; end-- { // the sender sets no limit to a name's length
		m.figure = figureWords[key[:end]]
	}
	return m
}
