<?php
// Calls a method of src/client/php/Latchkey.php. Reads what to call as JSON from the command line, and prints the result as JSON.
declare(strict_types=1);

require __DIR__ . '/../../../src/client/php/Latchkey.php';

use Latchkey\Latchkey;
use Latchkey\LatchkeyException;

[$settings, $method, $given] = array_map(fn (string $text) => json_decode($text, true), array_slice($argv, 1));
$latchkey = new Latchkey(
    $settings['baseUrl'],
    $settings['clientId'] ?? '',
    (string) getenv('CLIENT_SECRET'),
    (float) ($settings['timeout'] ?? 10.0),
);
$ip = $given['endUserIp'] ?? '';
unset($given['endUserIp']);
try {
    $result = match ($method) {
        'send' => $latchkey->send($given, $ip),
        'verify' => $latchkey->verify($given['challengeId'], $given['code'], [], $ip),
        'refresh' => $latchkey->refresh($given['refreshToken'], [], $ip),
        'client_token' => $latchkey->clientToken($given['scope'] ?? ''),
    };
    echo json_encode(['result' => $result]);
} catch (LatchkeyException $error) {
    echo json_encode(['error' => [
        'reason' => $error->reason,
        'message' => $error->text,
        'code' => $error->connectCode,
        'status' => $error->status,
        'retryAfter' => $error->retryAfter,
        'cause' => $error->metadata['cause'] ?? null,
        'text' => $error->getMessage(),
    ]]);
}
