// Package phoneday plays phone calls against the whole stack on one machine and judges them as a caller and as Twilio would.
//
// The binaries of the functions run behind the emulator. The fake Twilio rings them, a scripted model answers and checks the
// history that it is given, and the reports, the rows and the text messages are counted afterwards.
//
// The day has ten calls, four at once. make phone-day plays 500, up to 25 at once. It checks:
//
//   - every call has one report and one row
//   - no word of an interrupted turn is sent once the interruption was stored
//   - no turn is left without its end, and no goodbye is cut
//   - the history that the model sees is what was heard, and has every tool result
//   - no side effect happens twice
//   - the TwiML and every message agree with Twilio's documentation
package phoneday
