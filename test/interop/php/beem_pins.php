<?php
// Requests and checks pins over HTTP with curl, as Beem's users do: every field is a text. Prints status and body as JSON.
[, $base, $what, $first, $second] = $argv;
$body = $what === 'request' ? ['appId' => $first, 'msisdn' => $second] : ['pinId' => $first, 'pin' => $second];
$curl = curl_init("$base/v1/$what");
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
    CURLOPT_HTTPHEADER => [
        'Authorization: Basic ' . base64_encode(getenv('API_KEY') . ':' . getenv('SECRET_KEY')),
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => json_encode($body),
]);
$answer = curl_exec($curl);
if ($answer === false) exit(curl_error($curl));
echo json_encode(['status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'body' => json_decode($answer)]);
