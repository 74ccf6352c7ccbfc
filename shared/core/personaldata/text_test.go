package personaldata_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/core/personaldata"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		// Cards.
		"My card is 4111 1111 1111 1111, thanks.":                          "My card is [card number], thanks.",
		"4111-1111-1111-1111":                                              "[card number]",
		"4111111111111111":                                                 "[card number]",
		"4111.1111.1111.1111":                                              "[card number]",
		"4111, 1111, 1111, 1111.":                                          "[card number].",
		"4111\u00a01111\u20111111\u20131111":                               "[card number]",
		"٤١١١ ١١١١ ١١١١ ١١١١":                                              "[card number]",
		"４１１１１１１１１１１１１１１１":                                                 "[card number]",
		"4\u200b111 1111 1111 1111":                                        "[card number]",
		"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1":                                  "[card number]",
		"amex 3782 822463 10005":                                           "amex [card number]",
		"four one one one one one one one one one one one one one one one": "[card number]",
		"It is four, triple one, uh, one one one one, double one double one, one one one one.": "It is [card number].",
		"forty-one eleven eleven eleven eleven eleven eleven eleven":                           "[card number]",
		"cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno uno":                   "[card number]",
		"vier eins eins eins 1111 eins eins eins eins 1111":                                    "[card number]",
		"card 4111 1111 1111 1111 expires 12/27":                                               "card [card number] expires 12/27",
		"6011 1111 1111 1117 and 5555 5555 5555 4444":                                          "[card number] and [card number]",
		"tracking 1234567890123456":                                                            "tracking 1234567890123456", // no check digit
		// National numbers.
		"SSN 123-45-6789":                     "SSN [national id]",
		"SSN 123 45 6789":                     "SSN [national id]",
		"CNP 1800101221144":                   "CNP [national id]",
		"NINO QQ 12 34 56 C or AB123456C":     "NINO QQ 12 34 56 C or [national id]",
		"DNI 12345678Z, NIE X1234567L":        "DNI [national id], NIE [national id]",
		"DNI 12.345.678-Z":                    "DNI [national id]",
		"NIR 1 84 12 76 451 089 46":           "NIR [national id]",
		"Steuer-ID 86095742719":               "Steuer-ID [national id]",
		"codice fiscale RSSMRA85T10A562S":     "codice fiscale [national id]",
		"PESEL 44051401359":                   "PESEL [national id]",
		"CPF 529.982.247-25":                  "CPF [national id]",
		"HETU 131052-308T":                    "HETU [national id]",
		"AHV 756.9217.0769.85":                "AHV [national id]",
		"id 11010519491231002X":               "id [national id]",
		"IBAN GB29 NWBK 6016 1331 9268 19 ok": "IBAN [bank account] ok",
		"DE89370400440532013000":              "[bank account]",
		// Mail.
		"write to dana@example.com, please":              "write to [e-mail], please",
		"Dana.Smith+x@mail.example.co.uk":                "[e-mail]",
		"it's dana at example dot com":                   "it's [e-mail]",
		"dana dot smith at example dot co dot uk please": "[e-mail] please",
		"d a n a at example dot com":                     "[e-mail]",
		"dana_smith (at) example (dot) com":              "[e-mail]",
		"dana arroba example punto com":                  "[e-mail]",
		"dana at gmail":                                  "[e-mail]",
		"dana ＠ example . com":                           "[e-mail]",
		"dana@localhost":                                 "[e-mail]",
		"jos\u00e9@ex\u00e4mple.com":                     "[e-mail]",
		"Meet me at noon. Bring the papers.":             "Meet me at noon. Bring the papers.",
		"visit us at example.com":                        "visit us at example.com",
		"We are at the dot on the map.":                  "We are at the dot on the map.",
		// Telephone numbers.
		"call +1 (415) 555-0100.":                       "call [phone number].",
		"call (415) 555-0100.":                          "call [phone number].",
		"call 415.555.0100 or 415-555-0101":             "call [phone number] or [phone number]",
		"call 4155550100x12 now":                        "call [phone number]x12 now",
		"call +40 721 234 567":                          "call [phone number]",
		"call 0040721234567":                            "call [phone number]",
		"0721 234 567":                                  "[phone number]",
		"06 12 34 56 78":                                "[phone number]",
		"07400 123456":                                  "[phone number]",
		"555-0100":                                      "[phone number]",
		"four one five, five five five, oh one hundred": "[phone number]",
		"plus four four seven four double oh one two three four five six": "plus [phone number]",
		"我的电话是13812345678请":                                               "我的电话是[phone number]请",
		"tel:+14155550100":                                                "tel:[phone number]",
		"415 555 0100 415 555 0101":                                       "[phone number] [phone number]",
		"415_555_0100 and 0 7 2 1 2 3 4 5 6 7":                            "[phone number] and [phone number]",
		"my number is 一三八一二三四五六七八":                                        "my number is [phone number]",
		"https://x.example.com/?m=dana%40example.com&p=%2B14155550100":    "https://x.example.com/?m=[e-mail]&p=[phone number]",
		"dana at sign example period c o m":                               "[e-mail]",
		"four fifteen, five fifty-five, oh one hundred":                   "[phone number]",
		"zéro six douze trente-quatre cinquante-six soixante-dix-huit":    "[phone number]",
		"quarante et un onze onze onze onze onze onze onze":               "[card number]",
		"cuarenta y uno once once once once once once once":               "[card number]",
		"einundvierzig elf elf elf elf elf elf elf":                       "[card number]",
		"quarantuno undici undici undici undici undici undici undici":     "[card number]",
		"+44 (0)20 7946 0958, 020 7946 0958 / 01.23.45.67.89":             "[phone number], [phone number] / [phone number]",
		"dana underscore smith seven at example dot com":                  "[e-mail]",
		// Figures.
		"case number 2026-0012345, lon -122.4194155":     "case number 2026-0012345, lon -122.4194155",
		"ISBN 978-3-16-148410-0, 1234 5678 9012 3456":    "ISBN 978-3-16-148410-0, 1234 5678 9012 3456",
		"192.168.100.100 and 40.712776, -74.005974":      "192.168.100.100 and 40.712776, -74.005974",
		"at 2026-11-25T10:00:00.000Z for 185.25 seconds": "at 2026-11-25T10:00:00.000Z for 185.25 seconds",
		"on 25.11.2026 at 14:30":                         "on 25.11.2026 at 14:30",
		"1763980000000 and 1763980000":                   "1763980000000 and 1763980000",
		"$1,250,000 or 12500000 dollars or € 12345678":   "$1,250,000 or 12500000 dollars or € 12345678",
		"order number 12345678 and invoice #2026001234":  "order number 12345678 and invoice #2026001234",
		"INV-12345678": "INV-12345678",
		"6d0f5a3e-1234-4321-9876-123456789012 ended":       "6d0f5a3e-1234-4321-9876-123456789012 ended",
		"CA0123456789abcdef0123456789abcdef":               "CA0123456789abcdef0123456789abcdef",
		"from 2019 - 2020, room 101, 0.1234567, 10.0.0.12": "from 2019 - 2020, room 101, 0.1234567, 10.0.0.12",
		"twenty twenty six":                                "twenty twenty six",
		"a table for two at seven on the third":            "a table for two at seven on the third",
	} {
		got := personaldata.Text(in)
		if got != want {
			t.Errorf("Text(%q)\n = %q, want\n   %q", in, got, want)
		}
		if again := personaldata.Text(got); again != got {
			t.Errorf("a second pass changed %q to %q", got, again)
		}
	}
}

func TestTranscript(t *testing.T) {
	in := "AI: Your card number?\nUser: Yes, 4111.\nAI: Go on.\nUser: 1111 and then\nAI: Mhm.\nUser: 1111 1111.\nAI: Thank you, table for 4 at 11.\n"
	got := personaldata.Transcript(in)
	want := "AI: Your card number?\nUser: Yes, [card number].\nAI: Go on.\nUser: [card number] and then\nAI: Mhm.\nUser: [card number].\nAI: Thank you, table for 4 at 11.\n"
	if got != want {
		t.Errorf("Transcript = %q", got)
	}
}

// A number is found over the turns of one speaker, whatever the transcript looks like.
func TestTranscriptForms(t *testing.T) {
	for name, in := range map[string]string{
		"times":     "[00:12] User: 4111\n[00:14] AI: Go on.\n[00:15] User: 1111 1111\n[00:17] AI: Yes?\n[00:19] User: 1111\n",
		"one line":  "AI: Your card? User: 4111 1111 AI: go on User: 1111 1111",
		"subtitles": "1\n00:00:01,000 --> 00:00:02,000\nUser: 4111 1111\n\n2\n00:00:03,000 --> 00:00:04,000\nAI: Go on.\n\n3\n00:00:05,000 --> 00:00:06,000\nUser: 1111 1111\n",
		"names":     "Riley (AI): Your card?\nDana Smith: it is 4111\nDana Smith: 1111 1111 1111\n",
	} {
		got := personaldata.Transcript(in)
		if strings.Contains(got, "1111") || strings.Contains(got, "4111") {
			t.Errorf("%s: digits are left in %q", name, got)
		}
		if again := personaldata.Transcript(got); again != got {
			t.Errorf("%s: a second pass changed %q to %q", name, got, again)
		}
		if strings.Count(got, ":") != strings.Count(in, ":") {
			t.Errorf("%s: more than digits was changed: %q", name, got)
		}
	}
}

func FuzzTranscript(f *testing.F) {
	f.Add("[00:12] User: 4111\nAI: Go on.\nUser: 1111 1111 1111\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := personaldata.Transcript(s)
		if again := personaldata.Transcript(got); again != got {
			t.Errorf("a second pass changed %q to %q", got, again)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("call +1 (415) 555-0100 or 4111 1111 1111 1111, dana at example dot com")
	f.Add("one two three 123-45-6789 QQ123456C double oh GB29NWBK60161331926819 [ + ( . ,")
	f.Fuzz(func(t *testing.T, s string) {
		got := personaldata.Text(s)
		if again := personaldata.Text(got); again != got {
			t.Errorf("a second pass changed %q to %q", got, again)
		}
		if got := personaldata.Text(s + "\n; 4111 1111 1111 1111 ;"); !strings.HasSuffix(got, "; [card number] ;") {
			t.Errorf("leaked in %q", got)
		}
	})
}

func BenchmarkText(b *testing.B) {
	for name, unit := range map[string]string{
		"prose":   "I would like to book a table for four people at seven on Friday, please, and my name is Dana. ",
		"numbers": "call 415 555 0100 or 4111 1111 1111 1111 or 12/27 ",
		"digits":  "1 2 3 ",
		"mails":   "dot at dot at a@ @ ",
	} {
		text := strings.Repeat(unit, (1<<20)/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				personaldata.Text(text)
			}
		})
	}
}
