package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	latchkeyv1 "example.com/latchkey-interop/gen/latchkey/v1"
)

// backend is what a program saw that authenticates as a confidential client.
type backend struct {
	TokenType   string            `json:"tokenType"`
	SignedIn    bool              `json:"signedIn"`
	SameToken   bool              `json:"sameToken"`
	WrongCode   map[string]string `json:"wrongCode"`
	WithoutUser refusal           `json:"withoutUser"`
}

// asBackend gets a client token from the token endpoint and signs a user in with it, as a Go backend does. The library keeps the token.
func asBackend(ctx context.Context, connection *grpc.ClientConn, inbox, tokenURL, clientID string) (*backend, error) {
	config := clientcredentials.Config{
		ClientID:     clientID,
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     tokenURL,
		Scopes:       []string{"otp:send", "otp:verify"},
	}
	source := config.TokenSource(ctx)
	token, err := source.Token()
	if err != nil {
		return nil, fmt.Errorf("the token endpoint: %w", err)
	}
	seen := &backend{TokenType: token.Type()}
	asClient := metadata.AppendToOutgoingContext(ctx, "authorization", token.Type()+" "+token.AccessToken, "x-latchkey-end-user-ip", "198.51.100.7")
	auth := latchkeyv1.NewAuthServiceClient(connection)

	const email = "backend@go.example.com"
	sent, err := auth.SendOtp(asClient, &latchkeyv1.SendOtpRequest{
		Identifier:          &latchkeyv1.SendOtpRequest_Email{Email: email},
		CreateUserIfMissing: true,
	})
	if err != nil {
		return nil, fmt.Errorf("SendOtp: %w", err)
	}
	code, err := codeFrom(ctx, inbox, email)
	if err != nil {
		return nil, err
	}
	challenge := sent.GetChallenge().GetChallengeId()
	_, err = auth.VerifyOtp(asClient, &latchkeyv1.VerifyOtpRequest{ChallengeId: challenge, Code: otherThan(code)})
	seen.WrongCode = read(err).Metadata
	verified, err := auth.VerifyOtp(asClient, &latchkeyv1.VerifyOtpRequest{ChallengeId: challenge, Code: code})
	if err != nil {
		return nil, fmt.Errorf("VerifyOtp: %w", err)
	}
	seen.SignedIn = verified.GetUser().GetUserId() != "" && verified.GetTokens().GetAccessToken() != ""
	_, err = auth.GetCurrentUser(asClient, &latchkeyv1.GetCurrentUserRequest{})
	seen.WithoutUser = read(err)
	again, err := source.Token()
	if err != nil {
		return nil, err
	}
	seen.SameToken = again.AccessToken == token.AccessToken
	return seen, nil
}
