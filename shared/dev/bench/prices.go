package bench

import "time"

// PricesRead is the month in which the prices below were compared with AWS's pages.
const PricesRead = "September 2026"

// Region is the region of the prices. Vapi runs there; us-east-1 costs the same.
const Region = "us-west-2"

// AWS's prices in dollars per unit, on demand, without the free tier and volume discounts.
const (
	perGBSecond    = 0.0000133334     // of a function on arm64: https://aws.amazon.com/lambda/pricing/
	perInvocation  = 0.20 / 1e6       // the same page
	perREST        = 3.50 / 1e6       // https://aws.amazon.com/api-gateway/pricing/
	perWriteUnit   = 0.625 / 1e6      // https://aws.amazon.com/dynamodb/pricing/on-demand/
	perReadUnit    = 0.125 / 1e6      // the same page
	perRowGBMonth  = 0.25             // the same page
	perPut         = 0.005 / 1e3      // https://aws.amazon.com/s3/pricing/
	perGet         = 0.0004 / 1e3     // the same page
	perGBMonth     = 0.023            // the same page
	perMessage     = 0.40 / 1e6       // https://aws.amazon.com/sqs/pricing/
	perSecret      = 0.05 / 1e4       // https://aws.amazon.com/secrets-manager/pricing/
	perLogByte     = 0.50 / (1 << 30) // https://aws.amazon.com/cloudwatch/pricing/
	perTrace       = 5.00 / 1e6       // https://aws.amazon.com/xray/pricing/
	perMail        = 0.10 / 1e3       // https://aws.amazon.com/ses/pricing/
	perSchedule    = 1.00 / 1e6       // https://aws.amazon.com/eventbridge/pricing/
	traced         = 0.05             // of all requests: X-Ray's own rule, beyond the first of each second
	fullProcessor  = 1769             // MB of memory that come with one processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
	monthDays      = 30.0
	roomOverMemory = 1.5 // a memory size must be this many times the measured memory
)

// memorySizes are the compared sizes in MB.
var memorySizes = []int{128, 256, 512, 1024, 1769}

// unitPrices are the prices per unit of each use.
var unitPrices = map[string]float64{
	useReads: perReadUnit, useWrites: perWriteUnit, usePut: perPut, useGet: perGet, useSQS: perMessage, useSecrets: perSecret, useMail: perMail,
	useLogs: perLogByte,
}

// serviceWaits are assumed waiting times for one request of each use in AWS.
var serviceWaits = map[string]time.Duration{
	useDynamo: 4 * time.Millisecond, usePut: 30 * time.Millisecond, useGet: 15 * time.Millisecond, useSQS: 8 * time.Millisecond,
	useSecrets: 10 * time.Millisecond, useMail: 60 * time.Millisecond, useTelephone: 400 * time.Millisecond,
	useModel: 3 * time.Second, // a streamed answer of some 100 words, or an analysis
}
