// Package numberplan tells the country and the kind of a phone number in E.164, without the phone tables.
//
// # Decisions
//
// plans.txt has the patterns of github.com/nyaruka/phonenumbers, Google's libphonenumber: 87 KB, one line for each country.
// The library itself decodes all of its tables when a program starts, which makes a cold start 5 ms slower and the program
// 5.6 MB larger. The functions on the way to the first word of a call do not link it (see package phonetables), but their
// tools send text messages, and premium, satellite and foreign numbers must be rejected there as strictly as for calls.
// This package does nothing when a program starts. A look-up compiles the patterns of the number's country code alone, once in
// a process: in 2.5 ms for +1, which has the most countries, and in 0.5 ms for +44 (BenchmarkFind).
//
// TestPlansAreThoseOfTheLibrary fails if plans.txt is older than the library, and TestKindsAreThoseOfTheLibrary compares
// the results for the example numbers of every country and for random numbers. To write the file again after an update of
// the library: GOLDEN=update go test ./shared/core/numberplan.
//
// The library is still used to read numbers as people write them, and for time zones.
package numberplan
