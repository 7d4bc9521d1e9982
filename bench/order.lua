-- wrk's part: every request is an order of its own, signed as Shopify signs, with a webhook id that looks like Shopify's.
local ffi = require("ffi")
ffi.cdef [[
  unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *d, size_t n, unsigned char *out, unsigned int *len);
  const void *EVP_sha256(void);
  int EVP_EncodeBlock(unsigned char *to, const unsigned char *from, int n);
  struct timespec { long sec; long nsec; };
  int clock_gettime(int clock, struct timespec *now);
]]
local crypto = ffi.load("libcrypto.so.3")
local sha256 = crypto.EVP_sha256()
local digest, text, length = ffi.new("unsigned char[32]"), ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]")
local secret, marker = os.getenv("SECRET"), os.getenv("MARKER")
local counter = tonumber(os.getenv("FIRST_ID"))
local rate = tonumber(os.getenv("RATE"))

-- The body cut at its marker, so that a request is one concatenation.
local file = io.open(os.getenv("BODY"), "rb")
local pieces, rest = {}, file:read("*a") .. marker
file:close()
for piece in rest:gmatch("(.-)" .. marker) do pieces[#pieces + 1] = piece end

local function webhook_id()
  local d = digest
  return string.format("%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2], d[3], d[4],
    d[5], d[6] % 16, d[7], d[8] % 16, d[9], d[10], d[11], d[12], d[13], d[14], d[15])
end

function request()
  counter = counter + 1
  local body = table.concat(pieces, string.format("%.0f", counter))
  crypto.HMAC(sha256, secret, #secret, body, #body, digest, length)
  return wrk.format("POST", wrk.path, {
    ["Content-Type"] = "application/json",
    ["X-Shopify-Topic"] = "orders/create",
    ["X-Shopify-Shop-Domain"] = "bench.myshopify.com",
    ["X-Shopify-Webhook-Id"] = webhook_id(),
    ["X-Shopify-Hmac-Sha256"] = ffi.string(text, crypto.EVP_EncodeBlock(text, digest, 32)),
  }, body)
end

-- With RATE, requests start on a fixed schedule as long as a connection is free; what is late is caught up for a second.
if rate then
  local now, due = ffi.new("struct timespec"), nil
  function delay()
    ffi.C.clock_gettime(1, now)
    local ms = tonumber(now.sec) * 1000 + tonumber(now.nsec) / 1e6
    due = math.max((due or ms) + 1000 / rate, ms - 1000)
    return math.max(due - ms, 0)
  end
end

function done(summary, latency, _)
  local e = summary.errors
  print(string.format(
    'RESULT {"answered": %d, "refused": %d, "broken": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "max": %.3f}',
    summary.requests, e.status, e.connect + e.read + e.write + e.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
