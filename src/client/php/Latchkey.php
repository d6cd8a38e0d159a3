<?php

declare(strict_types=1);

namespace Latchkey;

/**
 * A client of Latchkey for backends in PHP 8.1 and later. It is one file and needs the extension curl alone: copy it.
 *
 *     $latchkey = new Latchkey('https://auth.example.com', clientId: 'shop-backend', clientSecret: $secret);
 *     $challenge = $latchkey->send(['email' => 'ada@example.com'], $_SERVER['REMOTE_ADDR']);
 *     $signedIn = $latchkey->verify($challenge['challengeId'], $code, [], $_SERVER['REMOTE_ADDR']);
 *
 * Fields have the names that docs/api.md has, in JSON: `createUserIfMissing`. Answers are arrays with such names. Every failure is a
 * LatchkeyException.
 */
final class Latchkey
{
    private const ANSWER_MAX_BYTES = 1024 * 1024;

    private string $baseUrl;

    /** @var list<string> */
    private array $headers = ['content-type: application/json', 'connect-protocol-version: 1', 'user-agent: latchkey-php', 'expect:'];

    /**
     * @param string $clientId empty for the default client
     * @param string $clientSecret that of a confidential client; empty for a public one
     * @param float $timeout seconds that a call may take
     */
    public function __construct(
        string $baseUrl,
        string $clientId = '',
        #[\SensitiveParameter] string $clientSecret = '',
        private float $timeout = 10.0,
    ) {
        $this->baseUrl = rtrim($baseUrl, '/');
        if ($clientSecret !== '') {
            $pair = urlencode($clientId) . ':' . urlencode($clientSecret);
            $this->headers[] = 'authorization: Basic ' . base64_encode($pair);
        } elseif ($clientId !== '') {
            $this->headers[] = "x-latchkey-client: $clientId";
        }
    }

    /**
     * Sends a code, by SendOtp. `$fields` have `email`, `phone`, `username` or `userId`, or `challengeId` to send it again. Returns the
     * challenge. `$endUserIp` is the address of the user, by which the limits of a confidential client count.
     */
    public function send(array $fields, string $endUserIp = ''): array
    {
        return $this->call('AuthService/SendOtp', $fields, $endUserIp)['challenge'];
    }

    /** Redeems a code, by VerifyOtp. Returns `tokens`, `user` and what else the purpose gives. */
    public function verify(string $challengeId, string $code, array $fields = [], string $endUserIp = ''): array
    {
        return $this->call('AuthService/VerifyOtp', ['challengeId' => $challengeId, 'code' => $code] + $fields, $endUserIp);
    }

    /** Exchanges a refresh token, by RefreshToken. Returns the new tokens, which replace the old ones. */
    public function refresh(#[\SensitiveParameter] string $refreshToken, array $fields = [], string $endUserIp = ''): array
    {
        return $this->call('AuthService/RefreshToken', ['refreshToken' => $refreshToken] + $fields, $endUserIp)['tokens'];
    }

    /** Gets a token of this confidential client, by IssueClientToken. Returns `accessToken`, `tokenType`, `expiresIn` and `scope`. */
    public function clientToken(string $scope = ''): array
    {
        return $this->call('TokenService/IssueClientToken', ['scope' => $scope]);
    }

    /** Calls any method, such as `UserService/GetUser`. */
    public function call(string $method, array $fields, string $endUserIp = ''): array
    {
        $body = '';
        $retryAfter = null;
        $curl = curl_init("{$this->baseUrl}/latchkey.v1.$method");
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => json_encode((object) $fields, JSON_THROW_ON_ERROR),
            CURLOPT_HTTPHEADER => [...$this->headers, ...($endUserIp === '' ? [] : ["x-latchkey-end-user-ip: $endUserIp"])],
            CURLOPT_TIMEOUT_MS => (int) ($this->timeout * 1000),
            // A redirect would carry the secret and the code to another address.
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HEADERFUNCTION => function ($_, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)\s*$/i', $line, $found) === 1) $retryAfter = (int) $found[1];
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function ($_, string $part) use (&$body): int {
                $body .= $part;
                return strlen($body) > self::ANSWER_MAX_BYTES ? 0 : strlen($part);
            },
        ]);
        $isAnswered = curl_exec($curl);
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($isAnswered === false) {
            throw new LatchkeyException('UNREACHABLE', 'Latchkey did not answer: ' . curl_error($curl) . '.');
        }
        $answer = json_decode($body, true);
        if ($status === 200 && is_array($answer)) return $answer;
        throw self::refusal(is_array($answer) ? $answer : [], $status, $retryAfter);
    }

    private static function refusal(array $answer, int $status, ?int $retryAfter): LatchkeyException
    {
        $details = is_array($answer['details'] ?? null) ? $answer['details'] : [];
        foreach ($details as $detail) {
            $reason = $detail['debug']['reason'] ?? null;
            if (($detail['type'] ?? '') !== 'google.rpc.ErrorInfo' || !is_string($reason)) continue;
            $message = (string) ($answer['message'] ?? '');
            $metadata = (array) ($detail['debug']['metadata'] ?? []);
            return new LatchkeyException($reason, $message, (string) ($answer['code'] ?? ''), $status, $retryAfter, $metadata);
        }
        return new LatchkeyException('UNEXPECTED', "The answer with status $status is not Latchkey's. Check the URL.", '', $status);
    }
}

/** A call that failed. `getMessage()` has reason and message in one line. */
final class LatchkeyException extends \RuntimeException
{
    /**
     * @param string $reason Latchkey's reason, such as CODE_INVALID or TOO_MANY_REQUESTS. UNREACHABLE: no answer came, perhaps because of
     *     the timeout; the call may have had its effect. UNEXPECTED: the answer is not Latchkey's, as from a proxy.
     * @param string $text one sentence that says what is wrong
     * @param string $connectCode the code of Connect, such as `unauthenticated`. Empty without an answer of Latchkey.
     * @param int $status the HTTP status. 0: no answer came.
     * @param ?int $retryAfter seconds to wait before a repeat. Null: the answer names none.
     * @param array<string, string> $metadata what the reason adds, such as `cause` for a code that fails
     */
    public function __construct(
        public readonly string $reason,
        public readonly string $text,
        public readonly string $connectCode = '',
        public readonly int $status = 0,
        public readonly ?int $retryAfter = null,
        public readonly array $metadata = [],
    ) {
        parent::__construct("$reason: $text");
    }
}
